"""How a form says what keeps a plan from being priced or started."""

from django import forms

from batches.planning.plan import PlanError
from lib.row_problems import group_problems


def add_problems(form: forms.Form, wrong: Exception) -> None:
    """Add one of `CANNOT_PRICE` to the form: each problem at its field where the form has it, else above the form."""
    problems = group_problems(wrong.problems) if isinstance(wrong, PlanError) else []
    for problem in problems:
        known = problem.row is None and problem.column in form.fields
        form.add_error(problem.column if known else None, problem.message if known else str(problem))
    if not problems:
        form.add_error(None, str(wrong))
