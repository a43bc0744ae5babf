"""The tokens of a plan's prompts: by the provider's count if there is one, else an upper bound by their length.

Counting ten thousand prompts over HTTP would take too long, and no page waits for the provider. So a worker counts the
shortest, the middle and the longest prompt of the first plan, once for each template version and model
(`batches/engine/prompt_counts.py`). The line through these three counts is stored, and the next estimate uses it. All
items share the template's text, the schema and the framing, so the line is close: within 1% over the starter plan by the
simulator's counts. It is a function of bytes and not of characters, because that holds across scripts.
"""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from batches.models import PromptSize
from batches.planning.estimate.history import Key
from batches.planning.plan import PlannedItem
from claude import current_models
from claude.counts import bound_bytes

# Tokens per byte of English text (2.5 bytes a token), for samples that differ too little to tell.
USUAL_PER_BYTE = 0.4
LEAST_PER_BYTE, MOST_PER_BYTE = 0.1, 1.0
# Samples that differ by less than this share say nothing about the tokens per byte.
LEAST_DIFFERENCE = 0.05
# If the prompts of a plan are so many times longer or shorter than the samples, new samples are counted.
FAR = 2.0


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The tokens of each item's prompt, in order. `counted` of the `kinds` (version and model) rest on the provider's counts."""

    tokens: Sequence[int]
    counted: int
    kinds: int


def prompt_sizes(plan: Sequence[PlannedItem], sizes: Sequence[int], keys: Sequence[Key]) -> Sizes:
    """The tokens of a plan's prompts, by one query. A second one requests counts for kinds that have none.

    `sizes`: the UTF-8 bytes of each item's system prompt and prompt.
    """
    kinds: dict[tuple[UUID, str], list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        kinds[key.version, key.model].append(place)
    rows = PromptSize.objects.filter(
        template_version__in={key.version for key in keys}, simulated=settings.DEMO
    )
    known = {(row.template_version_id, row.model): row for row in rows}
    tokens = [bound_bytes(size) for size in sizes]
    counted, wanted = 0, []
    for kind, places in kinds.items():
        row = known.get(kind)
        if row is not None and row.counted_at is not None:
            counted += 1
            for place in places:
                tokens[place] = tokens_of(row, sizes[place])
        if row is None or (row.counted_at is not None and _is_far(row, [sizes[place] for place in places])):
            wanted.append(_wish(plan, sizes, places, model=kind[1]))
    _ask_for([wish for wish in wanted if wish is not None])
    return Sizes(tokens=tokens, counted=counted, kinds=len(kinds))


def tokens_of(row: PromptSize, size: int) -> int:
    """The tokens of a prompt of so many bytes, by a row that has been counted."""
    assert row.base is not None
    assert row.per_byte is not None
    return max(1, round(row.base + row.per_byte * size))


def fit(sizes: Sequence[int], counts: Sequence[int]) -> tuple[float, float]:
    """The least-squares line (base, tokens per byte) through the samples. If they are too similar, the slope is that of English."""
    middle, mean = statistics.fmean(sizes), statistics.fmean(counts)
    slope = USUAL_PER_BYTE
    if max(sizes) - min(sizes) >= LEAST_DIFFERENCE * middle:
        slope = sum((x - middle) * (y - mean) for x, y in zip(sizes, counts, strict=True))
        slope /= sum((x - middle) ** 2 for x in sizes)
        slope = min(MOST_PER_BYTE, max(LEAST_PER_BYTE, slope))
    return mean - slope * middle, slope


def _is_far(row: PromptSize, sizes: Sequence[int]) -> bool:
    typical = statistics.median(sizes)
    return typical > FAR * row.most_bytes or typical * FAR < row.least_bytes


def _wish(
    plan: Sequence[PlannedItem], sizes: Sequence[int], places: Sequence[int], *, model: str
) -> PromptSize | None:
    """A row that requests a count. None for a model that cannot count tokens, and for a draft, whose text may still change."""
    first = plan[places[0]].version
    if first.published_at is None or not current_models.find_card(model).counts_tokens:
        return None
    ordered = sorted(places, key=lambda place: sizes[place])
    chosen = sorted({ordered[0], ordered[len(ordered) // 2], ordered[-1]})
    return PromptSize(
        workspace_id=first.workspace_id,
        template_version=first,
        model=model,
        simulated=settings.DEMO,
        samples=[
            {"values": dict(plan[place].parameters), "details": dict(plan[place].details)} for place in chosen
        ],
        least_bytes=min(sizes[place] for place in chosen),
        most_bytes=max(sizes[place] for place in chosen),
    )


def _ask_for(wishes: Sequence[PromptSize]) -> None:
    """Store the requests for counts. Two pages that do it at the same time do no harm: the later one replaces the samples."""
    if wishes:
        PromptSize.objects.bulk_create(
            sorted(wishes, key=lambda wish: (str(wish.template_version_id), wish.model)),
            update_conflicts=True,
            unique_fields=["template_version", "model", "simulated"],
            update_fields=["samples", "least_bytes", "most_bytes", "counted_at", "next_at"],
        )
