"""The manifest of an exported file: what is in it, where it comes from, and whether it is simulated."""

from typing import Any

from django.conf import settings
from django.utils import timezone

from batches.models import BatchJob
from exports.unreviewed.stream import Written
from lib.amounts import format_number
from templates_app.models import TemplateVersion
from workspaces.models import Workspace
from workspaces.terms import NOTICE

FORMAT = "messages"


def build_manifest(
    written: Written, *, file: str, job: BatchJob | None = None, system: bool = True
) -> dict[str, Any]:
    """A JSON object that describes the written bytes. It begins with a warning if anything is simulated.

    `system`: whether the training system prompts were written.
    """
    warning = make_simulated_warning(written.simulated, written.count)
    return {
        **({"warning": warning} if warning else {}),
        "simulated": {"count": written.simulated, "all": 0 < written.count == written.simulated},
        "format": FORMAT,
        "system_messages": "as in the templates" if system else "left out",
        "file": file,
        "sha256": written.sha256,
        "bytes": written.bytes,
        "counts": {
            "conversations": written.count,
            "turns": written.turns,
            "by_status": dict(sorted(written.statuses.items())),
            "by_tier": dict(sorted(written.tiers.items())),
        },
        "models": dict(sorted(written.models.items())),
        "template_versions": _describe_template_versions(written),
        "job": _describe_job(job) if job else None,
        "terms": {"notice": NOTICE, "intended_use": describe_intended_use(job.workspace) if job else None},
        "created_at": timezone.now().isoformat(timespec="seconds"),
        "lorapipe_version": settings.VERSION,
    }


def make_simulated_warning(simulated: int, count: int) -> str:
    """A warning in one sentence; empty if nothing is simulated."""
    if not simulated:
        return ""
    which = f"all {count}" if simulated == count else f"{simulated} of {count}"
    return f"SIMULATED: {which} conversations were written by LoRAPipe's simulator, not by a model. Do not train on them."


def _describe_template_versions(written: Written) -> list[dict[str, Any]]:
    found = TemplateVersion.objects.filter(pk__in=written.versions).select_related("template")
    return [
        {
            "name": version.template.name,
            "number": version.number,
            "id": str(version.pk),
            "conversations": written.versions[version.pk],
        }
        for version in found.order_by("template__name", "number")
    ]


def describe_intended_use(workspace: Workspace) -> dict[str, Any] | None:
    """The statement of the workspace, or None if it has not stated anything."""
    stated = workspace.intended_use()
    if stated is None:
        return None
    return {
        "purpose": stated.purpose,
        "authorisation": stated.authorisation,
        "meaning": stated.get_authorisation_display(),
        "reference": stated.reference or None,
        "stated_at": stated.created_at.isoformat(timespec="seconds"),
        "stated_by": stated.created_by.username if stated.created_by else None,
    }


def _describe_job(job: BatchJob) -> dict[str, Any]:
    return {
        "id": str(job.pk),
        "name": job.name,
        "status": job.status,
        "model": job.model,
        "seed": job.seed,
        "items": {"total": job.total_items, "completed": job.completed_items, "failed": job.failed_items},
        "cost_usd": format_number(job.spent),
    }
