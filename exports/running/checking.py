"""The check before the files are written: what would break a trainer stops it, what a person should know is told."""

from collections.abc import Iterator
from typing import Any

from background.running import RunningJob
from exports.formats import FormatOptions, Record
from exports.models import Export
from exports.preflight import RULES, Finding, Limits, run_preflight
from exports.running.facts import Outcome, describe_outcome
from exports.running.reading import Reader
from workspaces.models import ClockTimestamp

NO_LIMIT = 2**31 - 1  # tokens


def check(job: RunningJob, export: Export) -> None:
    """Store the report of a frozen export: that of `run_preflight` as JSON, with what only the selection tells. Raises Ended.

    Where the job is to stop after it, the job's result says so in the same transaction.
    """
    splits = tuple(export.counts["splits"])
    limits = Limits(
        format=export.format,
        options=FormatOptions(**export.options),
        max_tokens=export.token_limit or NO_LIMIT,
        splits=splits if len(splits) > 1 else (),
    )
    report = run_preflight(_iter_records(job, export), limits).to_json()
    report["findings"] += _list_left_out(export)
    waits = job.parameters["pauses"] and report["findings"]
    with job.step(gives_way=False) as step:
        Export.objects.filter(pk=export.pk).update(checked_at=ClockTimestamp(), report=report)
        if report["blocked"] or waits:
            outcome = Outcome.BLOCKED if report["blocked"] else Outcome.WAITS
            step.result = describe_outcome(export, outcome)
    export.refresh_from_db(fields=["checked_at", "report"])


def _iter_records(job: RunningJob, export: Export) -> Iterator[Record]:
    """The records in their order, with the job's progress. Raises Gone."""
    for chunk in Reader(export, with_metadata=True).iter_chunks(job.count_done):
        yield from (line.record for line in chunk)


def _list_left_out(export: Export) -> list[dict[str, Any]]:
    """Findings about what is not among the frozen rows."""
    found = []
    if superseded := export.counts["superseded"]:
        names = tuple(each["name"] for each in export.counts["superseded_named"])
        found.append(Finding(RULES["superseded"], superseded, names).to_json())
    shares = (("validation", export.validation_percent), ("test", export.test_percent))
    for split, percent in shares:
        if percent and not export.counts["splits"].get(split):
            found.append(
                {
                    "rule": "empty_split",
                    "severity": "warns",
                    "sentence": f"The {split} split is empty: there are too few conversations for its share.",
                    "remedy": "Choose a larger share or another seed, or leave this split out.",
                    "count": 0,
                    "ids": [],
                }
            )
    return found
