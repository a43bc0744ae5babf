"""Exports as JSON, and the body and the query string that make and list them."""

from typing import Any
from urllib.parse import urlencode

from rest_framework import serializers

from conversations.api.bulk import FilterBody
from exports.formats import FORMATS
from exports.models import Export
from exports.models.exports import LARGEST_SEED, LONGEST_NAME, LONGEST_PURPOSE, MOST_SET_ASIDE
from exports.pushing import hub
from exports.running.actions import MOST_CHOSEN
from lib.wire import BY_CREATION, OrderingField, PageQuery, StrictSerializer, WordField, camelize, moment

LARGEST_NUMBER = 10_000_000
NAME = "Approved conversations"
# The filter of the API to the same filter of the list, by whose words an export remembers it.
PLAIN = {
    "qualityScoreMin": "score_min",
    "qualityScoreMax": "score_max",
    "createdFrom": "created_from",
    "createdTo": "created_to",
    "search": "q",
    "batch": "batch",
    "importJob": "import_job",
}


class ExportFilter(FilterBody):
    """The filters of the list of conversations. An export remembers days, so `createdFrom` and `createdTo` are days here."""

    createdFrom = serializers.DateField(default=None)  # type: ignore[assignment]
    createdTo = serializers.DateField(default=None)  # type: ignore[assignment]

    def validate_undecided(self, value: bool | None) -> bool | None:
        if value is False:
            raise serializers.ValidationError("Name the statuses instead: approved, rejected.")
        return value


class ExportBody(StrictSerializer):
    """`ids` or `filter` say which conversations; without them it is all of the workspace (the caller's own by default).

    `pauseOnWarnings`: stop after the check when it finds anything; what would break a trainer always stops it.
    """

    name = serializers.CharField(max_length=LONGEST_NAME, default=NAME)
    purpose = serializers.CharField(max_length=LONGEST_PURPOSE, default="", allow_blank=True)
    format = WordField(
        choices=[(each.name, each.label) for each in FORMATS.values()],
        also={"share_gpt": "sharegpt", "openai": "messages", "open_ai": "messages", "dpo": "preference"},
        default="messages",
    )
    system = serializers.BooleanField(default=True)
    metadata = serializers.BooleanField(default=False)
    trainFlags = serializers.CharField(max_length=40, default=None, allow_null=True)
    tokenLimit = serializers.IntegerField(
        min_value=1, max_value=LARGEST_NUMBER, default=None, allow_null=True
    )
    workspaceId = serializers.UUIDField(default=None, allow_null=True)
    filter = ExportFilter(default=None, allow_null=True)
    ids = serializers.ListField(
        child=serializers.UUIDField(),
        max_length=MOST_CHOSEN,
        allow_empty=False,
        default=None,
        allow_null=True,
    )
    approvedOnly = serializers.BooleanField(default=True)
    simulated = serializers.BooleanField(default=False)
    since = serializers.UUIDField(default=None, allow_null=True)
    validationPercent = serializers.IntegerField(min_value=0, max_value=MOST_SET_ASIDE, default=0)
    testPercent = serializers.IntegerField(min_value=0, max_value=MOST_SET_ASIDE, default=0)
    seed = serializers.IntegerField(min_value=0, max_value=LARGEST_SEED, default=1)
    mostPerCell = serializers.IntegerField(
        min_value=1, max_value=LARGEST_NUMBER, default=None, allow_null=True
    )
    pauseOnWarnings = serializers.BooleanField(default=False)

    def validate_format(self, name: str) -> str:
        if missing := FORMATS[name].missing:
            raise serializers.ValidationError(missing)
        return name

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        problems = {}
        if given["validationPercent"] + given["testPercent"] > MOST_SET_ASIDE:
            problems["testPercent"] = f"Validation and test have at most {MOST_SET_ASIDE} percent together."
        flags = FORMATS[given["format"]].train_flags
        if given["trainFlags"] and given["trainFlags"] not in flags:
            known = f"It has: {', '.join(flags)}." if flags else "It has none."
            problems["trainFlags"] = f"This format has no such flag. {known}"
        if problems:
            raise serializers.ValidationError(problems)
        return given


class PushBody(StrictSerializer):
    """`repository`: `name` or `organisation/name`. It is made private unless `public`."""

    repository = serializers.CharField(max_length=hub.LONGEST_REPOSITORY)
    public = serializers.BooleanField(default=False)

    def validate_repository(self, text: str) -> str:
        try:
            return hub.read_repository(text)
        except ValueError as wrong:
            raise serializers.ValidationError(str(wrong)) from wrong


class ExportsQuery(PageQuery):
    """The query string of the list."""

    ordering = OrderingField({**BY_CREATION, "name": ("name", "id")})


class FileQuery(PageQuery):
    """Which file to download: its number from 1. An export of one file needs none."""

    file = serializers.IntegerField(min_value=1, max_value=1_000, default=None)


def build_query(given: dict[str, Any] | None) -> str:
    """The query string of the list for a filter of the API."""
    if given is None:
        return ""
    pairs: list[tuple[str, Any]] = [
        (name, each) for name in ("tier", "status", "flag") for each in sorted(given[name])
    ]
    if given["flagged"] is not None:
        pairs.append(("flag", "any" if given["flagged"] else "none"))
    pairs += [(name, given[wire]) for wire, name in PLAIN.items() if given[wire] not in (None, "")]
    pairs += [("undecided", "on")] if given["undecided"] else []
    pairs += [("flagged_since", "on")] if given["flaggedSinceDecision"] else []
    return urlencode(pairs)


def serialize_export(export: Export) -> dict[str, Any]:
    """One row of the list."""
    job = export.job
    return {
        "id": export.pk,
        "name": export.name,
        "format": export.format,
        "status": export.state,
        "percent": job.percent if job is not None and export.is_open else None,
        "error": (job.error or None) if job is not None else None,
        "approvedOnly": export.approved_only,
        "simulated": export.simulated,
        "size": export.size,
        "files": [
            {"number": number, **{name: file[name] for name in ("name", "split", "rows", "bytes", "sha256")}}
            for number, file in enumerate(export.files, start=1)
        ]
        if export.has_files
        else [],
        "removedWhy": export.removed_why or None,
        "deletedAt": moment(export.deleted_at),
        "backgroundJobId": export.job_id,
        "workspaceId": export.workspace_id,
        "createdBy": export.created_by and export.created_by.get_username(),
        "createdAt": moment(export.created_at),
        "frozenAt": moment(export.frozen_at),
        "finishedAt": moment(export.finished_at),
    }


def serialize_whole(export: Export) -> dict[str, Any]:
    """With its choices, its counts and its manifest. `changedSince`: how many conversations are no longer as they were frozen."""
    return {
        **serialize_export(export),
        "purpose": export.purpose,
        "options": camelize(export.options),
        "tokenLimit": export.token_limit,
        "filter": export.filter,
        "ids": export.chosen,
        "since": export.since_id,
        "validationPercent": export.validation_percent,
        "testPercent": export.test_percent,
        "seed": export.seed,
        "mostPerCell": export.most_per_cell,
        "counts": camelize(export.counts),
        "changedSince": export.items.changed_since().count(),
        "manifest": export.manifest or None,
        "push": _serialize_push(export),
    }


def _serialize_push(export: Export) -> dict[str, Any] | None:
    """The newest push, and where the files of the last one that ended well are; null before the first."""
    job, place = export.push_job, export.pushed or {}
    if job is None and not place:
        return None
    return {
        "status": job.status if job is not None else None,
        "percent": job.percent if job is not None else None,
        "error": (job.error or None) if job is not None else None,
        "backgroundJobId": export.push_job_id,
        "repository": place.get("repository"),
        "public": place.get("public"),
        "url": place.get("url"),
        "commitUrl": place.get("commit_url"),
    }
