"""The manifest of an export: what is in its files, where it comes from, who stands behind it, and whether it is simulated."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils import timezone

from conversations.quality import SCORER_VERSION
from exports.formats import FORMATS, REPAIRS
from exports.models import Export
from exports.unreviewed.manifest import describe_intended_use, make_simulated_warning
from workspaces.terms import NOTICE


def build_manifest(
    export: Export, files: list[dict[str, Any]], *, skipped: Mapping[str, int], repairs: Mapping[str, int]
) -> dict[str, Any]:
    """A JSON object. It begins with a warning if anything is simulated.

    `skipped`: why the format has no row for some, and how many. `repairs`: kind to the number of characters.
    """
    counts = export.counts
    warning = make_warning(export)
    return {
        **({"warning": warning} if warning else {}),
        "name": export.name,
        "purpose": export.purpose or None,
        "format": export.format,
        "format_label": FORMATS[export.format].label,
        "options": export.options,
        "files": [{key: each[key] for key in ("name", "split", "rows", "bytes", "sha256")} for each in files],
        "selection": describe_selection(export),
        "split": {
            "train_percent": 100 - export.validation_percent - export.test_percent,
            "validation_percent": export.validation_percent,
            "test_percent": export.test_percent,
            "seed": export.seed,
            "most_per_cell": export.most_per_cell,
            "left_out_by_cell": counts.get("left_out_by_cell", 0),
            "never_divided": "versions of one conversation, and near-duplicates",
            "counts": counts.get("splits", {}),
            "cells": counts.get("cells", []),
        },
        "counts": {
            name: counts.get(name, 0) for name in ("items", "conversations", "groups", "turns", "simulated")
        }
        | {"by_status": counts.get("statuses", {}), "by_tier": counts.get("tiers", {})},
        "skipped": dict(skipped),
        "repairs": {kind: {"characters": count, "meaning": REPAIRS[kind]} for kind, count in repairs.items()},
        "models": counts.get("models", {}),
        "languages": counts.get("languages", {}),
        "cost_usd": counts.get("cost_usd"),
        "template_versions": counts.get("template_versions", []),
        "reviewers": counts.get("reviewers", {}),
        "scorer": {"now": SCORER_VERSION, "of_the_conversations": counts.get("scorers", {})},
        "check": {
            "checked_at": export.checked_at.isoformat(timespec="seconds") if export.checked_at else None,
            "findings": export.report.get("findings", []),
        },
        "terms": {"notice": NOTICE, "intended_use": describe_intended_use(export.workspace)},
        "frozen_at": export.frozen_at.isoformat(timespec="seconds") if export.frozen_at else None,
        "created_at": timezone.now().isoformat(timespec="seconds"),
        "created_by": export.created_by.get_username() if export.created_by else None,
        "lorapipe_version": settings.VERSION,
    }


def describe_selection(export: Export) -> dict[str, Any]:
    return {
        "filter": export.filter,
        "chosen": None if export.chosen is None else len(export.chosen),
        "approved_only": export.approved_only,
        "with_simulated": export.simulated,
        "since": {"id": str(export.since_id), "name": export.since.name} if export.since else None,
    }


def make_warning(export: Export) -> str:
    """One sentence; empty if nothing is simulated."""
    return make_simulated_warning(export.counts.get("simulated", 0), export.item_count)
