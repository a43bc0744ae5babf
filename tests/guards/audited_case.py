"""What every case of the walk over the actions starts from (`audited_batches.py`, `audited_actions.py`)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from batches.actions import drafts, jobs
from batches.models import BatchJob
from batches.models.states import JobStatus
from batches.planning.plan import PlannedItem
from batches.planning.recipe import plan_from
from templates_app.models import PromptTemplate
from templates_app.prompts import editing as templates
from templates_app.text.content import Content
from tests import factories
from workspaces.models import User, Workspace
from workspaces.states import Action, TargetKind

# In every text that the audit log must not repeat.
PLANTED = "PLANTED-TEXT"
TEXT = f"{PLANTED}: a {{{{persona}}}} asks about {{{{topic}}}}."

Act = Callable[[User | None], Any]


@dataclass(frozen=True)
class Stage:
    """A person with a workspace and a published template; what a case needs beyond them it makes itself."""

    owner: User
    template: PromptTemplate

    @property
    def home(self) -> Workspace:
        return self.owner.personal_workspace()

    @property
    def recipe(self) -> dict[str, Any]:
        people = {"name": "persona", "values": ["Nurse", "Farmer", "Pilot"]}
        moods = {"name": "emotion", "values": ["calm", "ashamed"]}
        return {
            "kind": "matrix",
            "template": str(self.template.pk),
            "matrix": {"axes": [people, moods], "perCell": 1},
            "values": {"topic": PLANTED},
            "diversity": False,
        }

    def plan(self) -> list[PlannedItem]:
        return plan_from(self.recipe, self.home, by=self.owner)

    def started(self, status: JobStatus = JobStatus.QUEUED) -> BatchJob:
        job = jobs.start_batch(workspace=self.home, plan=self.plan(), by=self.owner, name="Rent")
        BatchJob.objects.filter(pk=job.pk).update(status=status)
        job.refresh_from_db()
        return job

    def draft(self) -> BatchJob:
        home, plan = self.home, self.plan()
        return drafts.save_draft(workspace=home, plan=plan, by=self.owner, name="Rent", recipe=self.recipe)

    def open_template(self) -> PromptTemplate:
        """With an open draft beside its published version."""
        templates.save_draft(self.template, content("another"), by=self.owner)
        return self.template


def content(more: str) -> Content:
    variables = [each.to_dict() for each in factories.PLAIN_VARIABLES]
    return Content(text=f"{TEXT} {more}", system_prompt=PLANTED, variables=variables)


@dataclass(frozen=True)
class Case:
    """`ready` makes what is needed and returns the action, which takes the person alone."""

    name: str
    ready: Callable[[Stage], Act]
    action: Action
    kind: TargetKind
    takes_system: bool = True

    @property
    def label(self) -> str:
        return f"{self.name}-{self.action.value}"
