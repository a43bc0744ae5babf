"""A plan is checked completely before anything is stored or spent: its size, and the prompt of every item, one by one.

No more than one prompt is held at a time: ten thousand of them may have gigabytes.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from batches.planning.plan import LARGEST_PLAN, PlanError, PlannedItem, make_template_problem
from claude.messages import Request
from lib.row_problems import RowProblem
from templates_app.text.rendering import TemplateSyntax, ValuesError, VariableError

# In characters, of all items of a plan together. At 10,000 items they leave 5,000 for the values of an item and 20,000 for
# its prompt with the system prompt. To fill in and measure the longest plan takes about a second.
MOST_VALUES, MOST_PROMPTS = 50_000_000, 200_000_000
# A plan with so many problems is not looked at any further.
MOST_FOUND = 10_000


def render_each(
    items: Sequence[PlannedItem], *, model: str, max_tokens: int
) -> Iterator[tuple[PlannedItem, Request]]:
    """Each item with its request, in order.

    Raises PlanError: at once for a plan with too many items or too long values, at the item with which its prompts are too long
    altogether, and behind the last item with all problems of all items.
    """
    problems = size_problems(items)
    if problems:
        raise PlanError(problems)
    characters = 0
    for item in items:
        if len(problems) >= MOST_FOUND:
            problems.append(RowProblem(None, "", f"The items from {item.position:,} on were not looked at."))
            break
        try:
            request = item.request(model=model, max_tokens=max_tokens)
        except (ValuesError, TemplateSyntax, VariableError) as wrong:
            problems += _explain(item, wrong)
            continue
        characters += len(request.prompt) + len(request.system)
        if characters > MOST_PROMPTS:
            raise PlanError([_make_length_problem(item)])
        yield item, request
    if problems:
        raise PlanError(problems)


def find_problems(items: Sequence[PlannedItem], *, model: str, max_tokens: int) -> list[RowProblem]:
    """All problems of all items: wrong values, templates that do not render, too many items or too long prompts."""
    try:
        for _ in render_each(items, model=model, max_tokens=max_tokens):
            pass
    except PlanError as wrong:
        return wrong.problems
    return []


def size_problems(items: Sequence[PlannedItem], *, characters: int = 0) -> list[RowProblem]:
    """Whether a plan has no item, too many items, or too long values. `characters` are those of items that are stored already."""
    if not items:
        return [RowProblem(None, "", "The plan is empty: choose at least one tier or one row.")]
    if len(items) > LARGEST_PLAN:
        problem = f"The plan has {len(items)} items; at most {LARGEST_PLAN} fit into one batch. Split it."
        return [RowProblem(None, "", problem)]
    characters += sum(_count(item.parameters) + _count(item.details) for item in items)
    if characters > MOST_VALUES:
        problem = (
            f"The values of this plan have {characters:,} characters; at most {MOST_VALUES:,} fit into one batch. Split it, "
            "or write what all items have in common into the template."
        )
        return [RowProblem(None, "", problem)]
    return []


def _count(values: Mapping[str, Any]) -> int:
    return sum(len(value if isinstance(value, str) else str(value)) for value in values.values())


def _explain(item: PlannedItem, wrong: ValuesError | TemplateSyntax | VariableError) -> Iterator[RowProblem]:
    template = item.version.template
    if isinstance(wrong, ValuesError):
        for each in wrong.problems:
            yield make_template_problem(template, each.message, row=item.position, column=each.name)
    else:
        message = f"The template {item.version} does not render: {wrong}"
        yield make_template_problem(template, message, row=item.position)


def _make_length_problem(item: PlannedItem) -> RowProblem:
    message = (
        f"The prompts of this plan have more than {MOST_PROMPTS:,} characters together: they pass that with item "
        f"{item.position:,}. Split the plan into several batches, or shorten the template or the values."
    )
    return make_template_problem(item.version.template, message)
