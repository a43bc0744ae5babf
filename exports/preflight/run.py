"""The check of a selection before a file is made, in one pass."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from exports.formats import Example, Pair, Record
from exports.formats.preference import divide
from exports.preflight.report import BANDS, MOST_VALUES, OTHERS, Findings, Limits, Report
from exports.preflight.rows import check_row, count_tokens
from exports.preflight.selection import Sample, Seen


def run_preflight(records: Iterable[Record], limits: Limits) -> Report:
    """Check what a writer of `limits.format` would be given, in the same order. Reads the stream once."""
    check = _Check(limits)
    for record in records:
        check.add(record)
    return check.finish()


class _Check:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._findings, self._seen, self._sample = Findings(), Seen(limits), Sample()
        self._conversations = self._turns = self._tokens = self._longest = 0
        self._bands: Counter[int | None] = Counter()
        self._tiers: Counter[str] = Counter()
        self._personas: Counter[str] = Counter()
        self._splits: Counter[str] = Counter()
        self._labels: set[bool | None] = set()

    def add(self, record: Record) -> None:
        written = list(list_written(record))
        broken = [name for example in written for name in check_row(example, self._limits)]
        if not written:
            broken.append("no_pair")
        whole = record if isinstance(record, Example) else _make_example(record)
        for name in dict.fromkeys([*broken, *self._seen.check(whole, written)]):
            self._findings.add(name, record.id)
        self._count(whole)

    def finish(self) -> Report:
        if not self._conversations:
            self._findings.add("nothing_selected")
        elif self._conversations < self._limits.fewest and self._limits.chosen.trains:
            self._findings.add("too_few")
        if self._limits.chosen.takes == "decisions" and self._labels in ({True}, {False}):
            self._findings.add("one_label")
        return Report(
            conversations=self._conversations,
            turns=self._turns,
            tokens=self._tokens,
            longest=self._longest,
            bands={bound: self._bands[bound] for bound in (*BANDS, None)},
            tiers=dict(sorted(self._tiers.items())),
            personas=dict(self._personas.most_common()),
            splits=dict(sorted(self._splits.items())),
            diversity=self._sample.measure(),
            findings=self._findings.list(),
        )

    def _count(self, example: Example) -> None:
        tokens = count_tokens(example, self._limits)
        self._conversations += 1
        self._turns += len(example.turns)
        self._tokens += tokens
        self._longest = max(self._longest, tokens)
        self._bands[next((bound for bound in BANDS if tokens <= bound), None)] += 1
        for counts, key in ((self._tiers, "tier"), (self._personas, "persona"), (self._splits, "split")):
            value = str(example.metadata.get(key) or "")
            if value:
                counts[value if value in counts or len(counts) < MOST_VALUES else OTHERS] += 1
        self._labels.add(example.label)
        self._sample.add(example)


def list_written(record: Record) -> Iterator[Example]:
    """The conversations that a row of this record holds: itself, or both sides of a pair. None for two versions that make no pair."""
    if isinstance(record, Example):
        yield record
        return
    divided = divide(record)
    if isinstance(divided, str):
        return
    prompt, *answers = divided
    whole = _make_example(record)
    yield from (replace(whole, turns=(*prompt, answer)) for answer in answers)


def _make_example(pair: Pair) -> Example:
    return Example(pair.id, pair.chosen, system=pair.system, metadata=pair.metadata)
