"""Fill the gaps of a plan's coverage: one item more for each combination that nothing covers."""

from uuid import UUID

from batches.actions import drafts
from batches.models import BatchJob
from batches.planning.coverage import count_coverage, fill_by_likeness, fill_by_matrix, read_matrix
from batches.planning.freezing import read_plan
from batches.planning.plan import PlannedItem
from batches.planning.sources.details import add_details
from templates_app.models import TemplateVersion
from workspaces.models import User


def fill_gaps(job: BatchJob, *, pair: tuple[str, str], revision: int, by: User | None) -> int:
    """How many were added. A matrix makes them of its own lists, another plan after what it has. Raises as `append`."""
    spots = list(count_coverage(job, pair).gap_spots())
    plan = read_plan(job)
    matrix = read_matrix(job)
    version = _version(job, plan)
    if matrix is None or version is None or not set(pair) <= {axis.name for axis in matrix.axes}:
        items = fill_by_likeness(plan, spots, row=pair[0], column=pair[1], seed=job.seed or 0)
    else:
        bare = fill_by_matrix(
            matrix,
            spots,
            row=pair[0],
            column=pair[1],
            version=version,
            values=job.recipe["values"],
            diversity=job.recipe.get("diversity", True),
        )
        items = list(add_details(bare, job.recipe.get("details") or {}))
    if items:
        drafts.append(job, revision=revision, items=items, by=by)
    return len(items)


def _version(job: BatchJob, plan: list[PlannedItem]) -> TemplateVersion | None:
    """The version that the matrix was planned with: that of its first item, else the template's published one."""
    key = UUID(job.recipe["template"]) if job.recipe.get("template") else None
    for item in plan:
        if item.version.template_id == key:
            return item.version
    rows = TemplateVersion.objects.filter(template_id=key, template__workspace_id=job.workspace_id)
    return rows.filter(published_at__isnull=False).select_related("template").order_by("-number").first()
