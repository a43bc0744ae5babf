"""Which models a plan calls, and whether they can be called on a day."""

from collections.abc import Iterator, Sequence
from datetime import date

from batches.planning.plan import PlanError, PlannedItem
from claude import current_models
from claude.current_models import ModelCard, UnknownModel
from lib.row_problems import RowProblem


def cards_of(plan: Sequence[PlannedItem], models: Sequence[str], *, on: date) -> dict[str, ModelCard]:
    """The card of each model that the items ask, by its name (id or alias). `models`: that of each item.

    Raises UnknownModel or RetiredModel for the installation's model, PlanError for a model that a template names.
    """
    asked = dict(zip(reversed(models), reversed(plan), strict=True))
    problems = [problem for name, item in asked.items() for problem in _problems(name, item, on)]
    if problems:
        raise PlanError(problems)
    return {name: current_models.find_card(name, on) for name in asked}


def _problems(name: str, item: PlannedItem, on: date) -> Iterator[RowProblem]:
    try:
        current_models.find_card(name, on)
    except UnknownModel as wrong:
        if not item.version.model:
            raise
        yield RowProblem(
            None,
            "template",
            f"The template “{item.version.template.name}” asks for a model of its own. {wrong}",
        )


def find_shortcomings(card: ModelCard) -> Iterator[str]:
    """Sentences for the estimate about what this model, or the server it runs on, cannot do."""
    if not card.structured_outputs:
        yield (
            f"{card.id} takes no schema here: the shape of a conversation is asked for in words, and replies are read "
            "leniently. Some may have to be asked again."
        )
    if not card.counts_tokens:
        yield f"{card.id} counts no tokens here: its prompts are estimated by their characters."
