"""The filters of the conversation list. They are stored only in the query string."""

from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import BadRequest
from django.db.models import F
from django.utils import timezone

from conversations.bulk import TooCommon, UnreadableFilter
from conversations.models import ConversationQuerySet
from conversations.models.search import SearchResult, search_conversations
from conversations.quality.flags import KINDS
from conversations.states import Status
from templates_app.states import Tier

LONGEST_FILTER = 4_000  # characters of the query string; a search of 200 signs can have 2,400
FLAGGED_FIRST = "flags"  # the order of the list unless another one is chosen
NEWEST = "-created"
IN_PLAN_ORDER = "plan"  # the order in which the page of a batch lists its items
LOWEST_FIRST = F("quality_score").asc(nulls_last=True)
SORTS = {
    FLAGGED_FIRST: ("-flag_count", LOWEST_FIRST, "-created_at", "-id"),
    IN_PLAN_ORDER: ("root__batch_item__position", "id"),
    NEWEST: ("-created_at", "-id"),
    "created": ("created_at", "id"),
    "-score": (F("quality_score").desc(nulls_last=True), "-created_at", "-id"),
    "score": (LOWEST_FIRST, "-created_at", "-id"),
}
SORT_CHOICES = [
    (FLAGGED_FIRST, "Most flags, then lowest score"),
    ("score", "Lowest score first"),
    ("-score", "Highest score first"),
    (NEWEST, "Newest first"),
    ("created", "Oldest first"),
    (IN_PLAN_ORDER, "In the order of the plan"),
]
FLAG_CHOICES = [
    ("any", "Any flag"),
    ("none", "No flags"),
    *((kind.name, kind.label) for kind in KINDS.values()),
]
STATUS_CHOICES = [(value, value.replace("_", " ").capitalize()) for value in Status.values]


def read_filter(text: str) -> str:
    """A query string of the list that came along. Raises BadRequest for a long one: cut off it would be another filter."""
    if len(text) > LONGEST_FILTER:
        raise BadRequest("The filter is too long.")
    return text


class Chip(NamedTuple):
    """One active filter in words, and the query string without it."""

    words: str
    query: str


class FilterForm(forms.Form):
    """A filter that cannot be read is shown as an error and ignored. The other filters still apply."""

    q = forms.CharField(label="Search", required=False, max_length=200)
    tier = forms.MultipleChoiceField(label="Tier", required=False, choices=Tier.choices)
    status = forms.MultipleChoiceField(label="Status", required=False, choices=STATUS_CHOICES)
    flag = forms.MultipleChoiceField(label="Flags", required=False, choices=FLAG_CHOICES)
    flagged_since = forms.BooleanField(label="Flagged since the decision", required=False)
    undecided = forms.BooleanField(label="Waits for a decision", required=False)
    score_min = forms.DecimalField(
        label="Score from", required=False, min_value=0, max_value=10, decimal_places=1
    )
    score_max = forms.DecimalField(
        label="Score to", required=False, min_value=0, max_value=10, decimal_places=1
    )
    created_from = forms.DateField(label="Made from", required=False)
    created_to = forms.DateField(label="Made to", required=False)
    batch = forms.UUIDField(label="Batch", required=False)
    import_job = forms.UUIDField(label="Import", required=False)
    version = forms.UUIDField(label="Template version", required=False)
    sort = forms.ChoiceField(label="Order", required=False, choices=SORT_CHOICES)

    @property
    def order(self) -> str:
        return self.chosen("sort") or FLAGGED_FIRST

    @property
    def search_text(self) -> str:
        return self.chosen("q") or ""

    def chosen(self, name: str) -> Any:
        """The value of a filter; None or empty if it is not set or cannot be read."""
        self.is_valid()
        return self.cleaned_data.get(name)

    def apply(self, rows: ConversationQuerySet) -> ConversationQuerySet:
        return self.narrow(rows).order_by(*SORTS[self.order])

    def narrow(self, rows: ConversationQuerySet) -> ConversationQuerySet:
        """The rows that the filters leave, in no order."""
        return self.find(rows).rows

    def find_all(self, rows: ConversationQuerySet) -> ConversationQuerySet:
        """The same, to do something with all of them. Raises UnreadableFilter and TooCommon."""
        if not self.is_valid():
            raise UnreadableFilter(
                [str(self.fields[name].label) for name in self.errors if name in self.fields]
            )
        found = self.find(rows)
        if found.is_partial:
            raise TooCommon
        return found.rows

    def find_listed(self, rows: ConversationQuerySet, *, enough: int) -> SearchResult[ConversationQuerySet]:
        """The rows that the filters leave, in their order. A search ends where so many of the first are found."""
        ordered = self._filter(rows).order_by(*SORTS[self.order])
        return search_conversations(ordered, self.search_text, enough=enough)

    def find(self, rows: ConversationQuerySet) -> SearchResult[ConversationQuerySet]:
        """The same, in no order, with whether the search went through the newest ones only. The search comes last: its bound counts."""
        return search_conversations(self._filter(rows), self.search_text)

    def _filter(self, rows: ConversationQuerySet) -> ConversationQuerySet:
        rows = rows.heads()
        if tiers := self.chosen("tier"):
            rows = rows.filter(tier__in=tiers)
        if statuses := self.chosen("status"):
            rows = rows.filter(status__in=statuses)
        if kinds := self.chosen("flag"):
            rows = rows.flagged_with(kinds)
        if self.chosen("flagged_since"):
            rows = rows.flagged_since_decision()
        if self.chosen("undecided"):
            rows = rows.undecided()
        if batch := self.chosen("batch"):
            rows = rows.of_job(batch)
        if job := self.chosen("import_job"):
            rows = rows.filter(import_job=job)
        if version := self.chosen("version"):
            rows = rows.filter(template_version=version)
        rows = rows.scored_between(self.chosen("score_min"), self.chosen("score_max"))
        return rows.created_between(self._midnight("created_from", 0), self._midnight("created_to", 1))

    def _midnight(self, name: str, days: int) -> datetime | None:
        """The start of the chosen day, plus `days`, so that the last day is included. None where no day can follow."""
        day = self.chosen(name)
        if day is None or day > date.max - timedelta(days=days + 1):
            return None
        return timezone.make_aware(datetime.combine(day, time())) + timedelta(days=days)

    def chips(self) -> list[Chip]:
        return [Chip(self._words(name), self._query_without(name)) for name in self.active()]

    def active(self) -> list[str]:
        return [name for name in self.fields if name != "sort" and self._is_chosen(name)]

    def _is_chosen(self, name: str) -> bool:
        value = self.chosen(name)
        return value is not False and value not in (None, "", [])

    def _words(self, name: str) -> str:
        value = self.chosen(name)
        if name == "q":
            return f"“{value}”"
        if value is True:
            return str(self.fields[name].label)
        if isinstance(value, list):
            words = dict(self.fields[name].choices)  # type: ignore[attr-defined]
            value = ", ".join(words[each] for each in value)
        one = {"batch": "One batch", "import_job": "One import", "version": "One template version"}
        return one.get(name, f"{self.fields[name].label}: {value}")

    def _query_without(self, name: str) -> str:
        pairs = [
            (key, value)
            for key in self.data
            if key not in (name, "page")
            for value in self.data.getlist(key)  # type: ignore[attr-defined]
            if value
        ]
        return urlencode(pairs)


def select_for_list(rows: ConversationQuerySet) -> ConversationQuerySet:
    """The rows with only the columns that the list shows, because values and metrics can be large."""
    return rows.select_related("origin_job").only(
        *("conversation_id", "version", "title", "persona", "tier", "status", "simulated"),
        *("quality_score", "flags", "flag_count", "flagged_since_decision", "decided_at", "revision"),
        *("turn_count", "actual_cost_usd", "created_at", "workspace_id"),
        *("origin_job__name",),
    )
