"""Precision and recall of the flags on the planted set of 1,000 conversations, and what they cost: `python -m bench.quality.flags`."""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from conversations.quality import Asked, Assessment, assess
from conversations.quality.near_duplicates import NEAR, compute_likeness, make_shingles
from conversations.quality.prepared import join_words, prepare
from tests.conversations.quality.planted import Planted, build_planted
from tests.conversations.quality.planted.generator import VARIABLES

LEAST_PRECISION, LEAST_RECALL = 0.95, 0.8
MOST_CPU_S = 4.0
# Kinds that the planted set is about.
KINDS = (
    *("unresolved_variable", "prompt_leakage", "refusal", "placeholder", "repeated_turn", "wrong_language"),
    *("personal_data", "control_tokens", "role_prefix", "stock_phrases"),
)


@dataclass
class Outcome:
    """`wrong`: flagged without the flaw, or at another turn only. Positions in the planted set."""

    right: list[int] = field(default_factory=list)
    wrong: list[int] = field(default_factory=list)
    missed: list[int] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return len(self.right) / max(1, len(self.right) + len(self.wrong))

    @property
    def recall(self) -> float:
        return len(self.right) / max(1, len(self.right) + len(self.missed))

    @property
    def is_good(self) -> bool:
        return self.precision >= LEAST_PRECISION and self.recall >= LEAST_RECALL


def assess_all(planted: Sequence[Planted]) -> list[Assessment]:
    return [assess(each.turns, asked=Asked(each.language, VARIABLES)) for each in planted]


def judge(
    planted: Sequence[Planted], assessed: Sequence[Assessment], kind: str, *, paraphrases: bool = False
) -> Outcome:
    """How well a kind is found. Paraphrases are judged alone, or not at all."""
    outcome = Outcome()
    for at, (each, found) in enumerate(zip(planted, assessed, strict=True)):
        turns = {flag.turn for flag in found.flags if flag.kind == kind}
        if kind in each.flaws:
            if each.paraphrase != paraphrases:
                continue
            hit = bool(turns) and (not each.flaws[kind] or not turns.isdisjoint(each.flaws[kind]))
            (outcome.right if hit else outcome.missed).append(at)
        elif turns and kind not in each.allowed:
            outcome.wrong.append(at)
    return outcome


def judge_pairs(planted: Sequence[Planted], assessed: Sequence[Assessment]) -> tuple[Outcome, dict[str, str]]:
    """Near-duplicates as they are found in the database: by shared bands, then by the shingles. And the recall of each way to copy."""
    shingles = [make_shingles(join_words(prepare(each.turns))) for each in planted]
    found = {
        pair
        for pair in find_candidates([each.bands for each in assessed])
        if compute_likeness(shingles[pair[0]], shingles[pair[1]]) >= NEAR
    }
    true = {(each.twin_of, at): each.copied for at, each in enumerate(planted) if each.twin_of is not None}
    outcome = Outcome(
        right=[pair[1] for pair in found if pair in true],
        wrong=[
            pair[1]
            for pair in found
            if pair not in true and not any("near_duplicate" in planted[at].allowed for at in pair)
        ],
        missed=[pair[1] for pair in true if pair not in found],
    )
    ways = sorted(set(true.values()))
    parts = {
        way: f"{sum(pair in found for pair in true if true[pair] == way)} of {sum(each == way for each in true.values())}"
        for way in ways
    }
    return outcome, parts


def find_candidates(bands: Sequence[Sequence[int]]) -> set[tuple[int, int]]:
    """Pairs of positions that share a number."""
    by_band: dict[int, list[int]] = {}
    for at, numbers in enumerate(bands):
        for number in set(numbers):
            by_band.setdefault(number, []).append(at)
    return {pair for places in by_band.values() for pair in combinations(places, 2)}


def measure_cpu(planted: Sequence[Planted]) -> float:
    """CPU seconds for assessing them all, the best of three."""
    times = []
    for _ in range(3):
        started = time.process_time()
        assess_all(planted)
        times.append(time.process_time() - started)
    return min(times)


def describe(name: str, outcome: Outcome) -> str:
    counts = f"{len(outcome.right):4} right {len(outcome.wrong):4} wrong {len(outcome.missed):4} missed"
    verdict = "" if outcome.is_good else "  UNDER THE GOAL"
    return f"{name:34} precision {outcome.precision:5.3f}  recall {outcome.recall:5.3f} {counts}{verdict}"


def show_places(
    planted: Sequence[Planted], assessed: Sequence[Assessment], kind: str, outcome: Outcome
) -> Iterator[str]:
    for at in outcome.wrong:
        quotes = [f"turn {flag.turn}: {flag.quote}" for flag in assessed[at].flags if flag.kind == kind]
        yield f"    wrong  {at}: {quotes}"
    for at in outcome.missed:
        turns = [planted[at].turns[number - 1].content[:160] for number in planted[at].flaws.get(kind, ())]
        yield f"    missed {at}: {turns}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", action="store_true", help="show each wrong and each missed place")
    parser.add_argument("--seed", type=int, default=12, help="another planted set of the same texts")
    options = parser.parse_args()
    planted = build_planted(options.seed)
    cpu = measure_cpu(planted)
    assessed = assess_all(planted)
    good = True
    for kind in KINDS:
        outcome = judge(planted, assessed, kind)
        good = good and outcome.is_good
        print(describe(kind, outcome))
        if options.show:
            print("\n".join(show_places(planted, assessed, kind, outcome)))
    pairs, parts = judge_pairs(planted, assessed)
    print(describe("near_duplicate", pairs), parts)
    for kind in ("prompt_leakage", "refusal"):
        found = judge(planted, assessed, kind, paraphrases=True)
        print(
            f"{kind + ' (paraphrases, apart)':34} {len(found.right)} of {len(found.right) + len(found.missed)} found"
        )
    print(f"{len(planted)} conversations in {cpu:.2f} s CPU (goal: below {MOST_CPU_S:.0f} s)")
    return 0 if good and pairs.is_good and cpu < MOST_CPU_S else 1


if __name__ == "__main__":
    raise SystemExit(main())
