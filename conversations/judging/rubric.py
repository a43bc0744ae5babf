"""The rubric of a workspace: the shipped one at first, and a new version with each edit."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from django.db import transaction

from conversations.models import Rubric
from conversations.models.judgements import LONGEST_CRITERION
from conversations.states import JudgedDimension
from lib.stale_state import StaleRevision
from workspaces.audit import find_differences, record
from workspaces.models import User, Workspace
from workspaces.states import Action, TargetKind

SHIPPED = Path(__file__).with_name("rubric.toml")


class RubricError(ValueError):
    """The criteria cannot be stored. `problems`: by dimension, what is wrong."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in self.problems.items()))


@cache
def load_shipped_criteria() -> Mapping[str, str]:
    """The criteria that every workspace begins with: dimension to text."""
    found = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))
    return {name: found[name].strip() for name in JudgedDimension.values}


def find_rubric(workspace: Workspace) -> Rubric:
    """The newest version. The first time the shipped one is stored as version 1."""
    newest: Rubric | None = Rubric.objects.filter(workspace=workspace).order_by("-version").first()
    if newest is None:
        criteria = dict(load_shipped_criteria())
        newest, _ = Rubric.objects.get_or_create(
            workspace=workspace, version=1, defaults={"criteria": criteria}
        )
    return newest


@transaction.atomic
def change_rubric(
    *, workspace: Workspace, criteria: Mapping[str, str], by: User | None, version: int | None = None
) -> Rubric:
    """A new version with these criteria; the newest one itself where nothing differs.

    `version` is the one that the person saw. Raises StaleRevision when there is a newer one, and RubricError.
    """
    cleaned = clean_criteria(criteria)
    Workspace.objects.select_for_update(no_key=True).get(
        pk=workspace.pk
    )  # of two edits at once one is the first
    newest = find_rubric(workspace)
    if version is not None and version != newest.version:
        raise StaleRevision("rubric")
    _, after = find_differences(newest.criteria, cleaned)
    if not after:
        return newest
    made = Rubric(workspace=workspace, created_by=by, version=newest.version + 1, criteria=cleaned)
    made.save(force_insert=True)
    record(
        action=Action.CHANGE_RUBRIC,
        kind=TargetKind.WORKSPACE,
        target=workspace,
        by=by,
        before={"version": newest.version},
        after={"version": made.version, "changed": ", ".join(sorted(after))},
    )
    return made


def clean_criteria(criteria: Mapping[str, str]) -> dict[str, str]:
    """The criteria of all dimensions without blanks around them. Raises RubricError."""
    cleaned, problems = {}, {}
    for name, label in JudgedDimension.choices:
        text = criteria.get(name, "").replace("\r\n", "\n").strip()
        if not text:
            problems[name] = f"{label} has no text. Say what is judged."
        elif len(text) > LONGEST_CRITERION:
            problems[name] = (
                f"{label} has {len(text):,} characters; at most {LONGEST_CRITERION:,} are allowed. Shorten it."
            )
        elif "\x00" in text:
            problems[name] = f"{label} has a NUL character, which cannot be stored. Remove it."
        cleaned[name] = text
    problems |= {
        name: "There is no such dimension. Leave it out."
        for name in criteria
        if name not in JudgedDimension.values
    }
    if problems:
        raise RubricError(problems)
    return cleaned
