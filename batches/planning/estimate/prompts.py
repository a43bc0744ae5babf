"""What an estimate has to know of the prompts of a plan. The prompts themselves are not kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from batches.planning.checking import render_each
from batches.planning.estimate.sharing import Beginning
from batches.planning.plan import PlannedItem
from claude.counts import count_bytes
from claude.messages import Request


@dataclass(kw_only=True)
class Prompts:
    """Of each item, in order: the model that is asked, and the UTF-8 bytes of system prompt and prompt.

    `beginnings`: by template version, what its prompts begin with.
    """

    models: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    beginnings: dict[UUID, Beginning] = field(default_factory=dict)

    def add(self, item: PlannedItem, request: Request) -> None:
        self.models.append(request.model)
        self.sizes.append(count_bytes(request.system, request.prompt))
        if beginning := self.beginnings.get(item.version.pk):
            beginning.add(request)
        else:
            self.beginnings[item.version.pk] = Beginning(request)


def measure_prompts(plan: Sequence[PlannedItem], *, model: str, max_tokens: int) -> Prompts:
    """Render the prompts one by one. Raises PlanError with all problems of all items."""
    found = Prompts()
    for item, request in render_each(plan, model=model, max_tokens=max_tokens):
        found.add(item, request)
    return found
