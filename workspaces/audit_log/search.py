"""Find entries of the audit log by what stands in the address of its page, a page at a time."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms

from workspaces.models import AuditEntry, AuditEntryQuerySet, Workspace
from workspaces.models.audit import NEWEST_FIRST
from workspaces.states import Action, TargetKind

PER_PAGE = 50
PER_READ = 1000
MOST_IN_A_FILE = 1_000_000
LONGEST_NUMBER = 18  # digits: what fits into the key


class AuditFilter(forms.Form):
    """A filter that cannot be read is shown as an error and ignored. The other filters still apply."""

    who = forms.CharField(required=False, max_length=254)
    action = forms.ChoiceField(required=False, choices=[("", "Any action"), *Action.choices])
    kind = forms.ChoiceField(required=False, choices=[("", "Any kind"), *TargetKind.choices])
    target = forms.CharField(required=False, max_length=200)
    since = forms.DateField(required=False)
    until = forms.DateField(required=False)

    def chosen(self, name: str) -> Any:
        """The value of a filter; None or empty if it is not set or cannot be read."""
        self.is_valid()
        return self.cleaned_data.get(name)

    @property
    def is_set(self) -> bool:
        return any(self.chosen(name) for name in self.fields)

    def find(self, workspace: Workspace) -> AuditEntryQuerySet:
        """The entries of this workspace that the filters leave, the newest first. Days are those of UTC."""
        rows = AuditEntry.objects.filter(workspace=workspace).order_by(*NEWEST_FIRST)
        if who := self.chosen("who"):
            rows = rows.filter(who_name__icontains=who)
        if action := self.chosen("action"):
            rows = rows.filter(action=action)
        if kind := self.chosen("kind"):
            rows = rows.filter(target_kind=kind)
        if target := self.chosen("target"):
            key = read_key(target)
            rows = rows.filter(target_id=key) if key else rows.filter(target_name__icontains=target)
        if since := self.chosen("since"):
            rows = rows.filter(created_at__gte=find_midnight(since))
        if (until := self.chosen("until")) and until < date.max:
            rows = rows.filter(created_at__lt=find_midnight(until + timedelta(days=1)))
        return rows


def read_key(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def find_midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def read_number(text: str) -> int | None:
    """The number of an entry in the address of a page; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER else None


def fetch_older(rows: AuditEntryQuerySet, *, than: int | None, at_most: int) -> list[AuditEntry]:
    """The next entries after the one with the number `than`, which belongs to the rows; without it the first ones."""
    last = rows.filter(pk=than).first() if than else None
    return list((rows.older_than(last) if last else rows)[:at_most])


def iter_all(rows: AuditEntryQuerySet) -> Iterator[list[AuditEntry]]:
    """All entries, at most a million, a thousand at a time. No query is long, and no transaction stays open."""
    left = MOST_IN_A_FILE
    found = list(rows[:PER_READ])
    while found and left > 0:
        yield found
        left -= len(found)
        found = list(rows.older_than(found[-1])[:PER_READ]) if len(found) == PER_READ else []
