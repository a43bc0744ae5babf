"""How a form says what keeps a plan from being priced or started."""

from collections.abc import Iterable
from uuid import UUID

from django import forms
from django.urls import reverse
from django.utils.html import format_html

from batches.planning.plan import PlanError, TemplateProblem
from lib.row_problems import RowProblem, cut_problems, group_problems


def add_problems(form: forms.Form, wrong: Exception) -> None:
    """Add one of `CANNOT_PRICE` to the form: each problem at its field where the form has it, else above the form.

    A problem that many rows share is said once, and one of a template with a link to it. At most 20 are said, and how many more.
    """
    problems = cut_problems(group_by_template(wrong.problems)) if isinstance(wrong, PlanError) else []
    for problem in problems:
        known = problem.row is None and problem.column in form.fields
        form.add_error(
            problem.column if known else None, problem.message if known else describe_problem(problem)
        )
    if not problems:
        form.add_error(None, str(wrong))


def group_by_template(problems: Iterable[RowProblem]) -> list[RowProblem]:
    """The same problem of several rows as one, where it is of the same template."""
    found: dict[UUID | None, list[RowProblem]] = {}
    for each in problems:
        template_id = each.template_id if isinstance(each, TemplateProblem) else None
        found.setdefault(template_id, []).append(each)
    return [problem for group in found.values() for problem in group_problems(group)]


def describe_problem(problem: RowProblem) -> str:
    """What is wrong and in which rows; of a template as HTML, with a link to it."""
    if not isinstance(problem, TemplateProblem):
        return str(problem)
    address = reverse("template", args=[problem.template_id])
    return format_html(
        '{} <a href="{}">Open the template “{}”</a>', str(problem), address, problem.template_name
    )
