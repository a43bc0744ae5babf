"""Which numbers a report is about: whose, of which days, and of real or of simulated replies."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple, Self
from uuid import UUID

from analytics.models import DailyCalls, DailyConversations, Day
from analytics.reports.sums import Added, add_up
from lib import clock
from templates_app.models import TemplateVersion
from workspaces.models import User, WorkspaceQuerySet, list_places

# The last so many days, today included; None: all days.
PERIODS: Mapping[str, int | None] = {"7d": 7, "30d": 30, "90d": 90, "all": None}
PERIOD_WORDS: Mapping[str, str] = {
    "7d": "7 days",
    "30d": "30 days",
    "90d": "90 days",
    "all": "All time",
}
DEFAULT_PERIOD = "30d"
# How the reports add up the numbers of conversations and of calls.
BY_STATUS, BY_BAND = ("tier", "status"), ("band",)
BY_VERSION_DAY, BY_VERSION_STATUS = ("day", "template_version_id"), ("template_version_id", "status")
BY_MODEL_DAY, BY_VERSION, BY_ERROR = (
    ("day", "model", "template_version_id"),
    ("template_version_id",),
    ("error_kind", "state"),
)
LONGEST_BY_DAY = 31  # days; what is longer is shown week by week


class Version(NamedTuple):
    """A template version: the name and the id of its template, and its number."""

    template: str
    number: int
    template_id: UUID


@dataclass(frozen=True, kw_only=True)
class Scope:
    """`since` and `until` are days in UTC, both included; no `since`: from the first one on."""

    user: User
    workspaces: tuple[UUID, ...]
    period: str
    simulated: bool
    since: date | None
    until: date

    @classmethod
    def of(cls, user: User, *, period: str, simulated: bool) -> Self:
        """Raises KeyError for a period that is none of `PERIODS`."""
        until, days = clock.today(), PERIODS[period]
        since = until - timedelta(days - 1) if days else None
        mine = tuple(place.workspace for place in list_places(user))
        return cls(user=user, workspaces=mine, period=period, simulated=simulated, since=since, until=until)

    @property
    def before(self) -> "Scope | None":
        """The same number of days before these; None for all days."""
        if self.since is None:
            return None
        until = self.since - timedelta(1)
        since = until - (self.until - self.since)
        return replace(self, since=since, until=until)

    def widen_to(self, later: "Scope") -> "Scope":
        """From the first day of this one to the last day of the later one."""
        return replace(self, until=later.until)

    @property
    def by_week(self) -> bool:
        return self.since is None or (self.until - self.since).days >= LONGEST_BY_DAY

    def find_days(self, model: type[Day]) -> WorkspaceQuerySet:
        """The rows of the workspaces that the person may see. Decisions are of both kinds of replies."""
        rows = model.objects.filter(workspace__in=self.workspaces, day__lte=self.until)
        if self.since:
            rows = rows.filter(day__gte=self.since)
        names = {each.name for each in model._meta.concrete_fields}
        return rows.filter(simulated=self.simulated) if "simulated" in names else rows

    @cached_property
    def made(self) -> Added:
        """The conversations of these days, each with its number of scored ones and the sum of their scores."""
        ways = (BY_STATUS, BY_BAND, BY_VERSION_DAY, BY_VERSION_STATUS)
        return add_up(self.find_days(DailyConversations), ways, ("conversations", "scored", "score_sum"))

    @cached_property
    def calls(self) -> Added:
        """The calls of these days, with their cost in USD and their tokens."""
        sums = ("calls", "repeats", "input_tokens", "output_tokens", "cost_usd")
        return add_up(self.find_days(DailyCalls), (BY_MODEL_DAY, BY_VERSION, BY_ERROR), sums)

    def find_as_of(self) -> datetime | None:
        """When the numbers were last added up after a change; None before the first time."""
        calls, made = (
            model.objects.filter(workspace__in=self.workspaces)
            .order_by("-computed_at")
            .values_list("computed_at")
            for model in (DailyCalls, DailyConversations)
        )
        return max((found for (found,) in calls[:1].union(made[:1], all=True)), default=None)

    @cached_property
    def versions(self) -> "dict[UUID, Version]":
        """The template versions of these workspaces by their id."""
        rows = TemplateVersion.objects.filter(workspace__in=self.workspaces).order_by()
        found = rows.values_list("pk", "number", "template", "template__name")
        return {key: Version(name, number, template) for key, number, template, name in found}

    @property
    def link_values(self) -> dict[str, Any]:
        """What the address of a list of conversations needs so that it shows the rows of these days."""
        return {"created_from": self.since.isoformat()} if self.since else {}


def find_start_of_week(day: date) -> date:
    """The Monday on or before this day."""
    return day - timedelta(day.weekday())
