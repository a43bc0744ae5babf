"""The form of a new export. Every error tells what to do."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.http import HttpRequest, QueryDict

from conversations.models import ConversationQuerySet
from conversations.web.forms import LONGEST_FILTER, FilterForm, read_filter
from exports.formats import FORMATS
from exports.models import Export
from exports.models.exports import LARGEST_SEED, LONGEST_NAME, LONGEST_PURPOSE, MOST_SET_ASIDE
from exports.running.actions import Choices
from exports.selection.finding import Wanted, find_conversations
from workspaces.models import Workspace

MOST_TICKED = 1_000
MOST_EARLIER = 50  # exports that one can go on from
LARGEST_LIMIT = 10_000_000  # tokens
LARGEST_CELL = 1_000_000
DEFAULT_TOKENS = 4_096
DEFAULT_VALIDATION = 10
NAME = "Approved conversations"
TRAIN_FLAGS = sorted({flag for each in FORMATS.values() for flag in each.train_flags})
FORMAT_CHOICES = [(each.name, each.label) for each in FORMATS.values()]


class ExportForm(forms.Form):
    """What goes into an export, and how it is written. `filter` and `id` come along hidden, from the list of conversations."""

    name = forms.CharField(label="Name", max_length=LONGEST_NAME)
    purpose = forms.CharField(label="Purpose", max_length=LONGEST_PURPOSE, required=False)
    format = forms.ChoiceField(label="Format", choices=FORMAT_CHOICES)
    system = forms.BooleanField(label="With system messages", required=False)
    metadata = forms.BooleanField(label="With id and metadata", required=False)
    train_flags = forms.ChoiceField(
        label="Flag at each message",
        required=False,
        choices=[("", "None"), *((name, name) for name in TRAIN_FLAGS)],
    )
    token_limit = forms.IntegerField(
        label="Longest conversation", required=False, min_value=1, max_value=LARGEST_LIMIT
    )
    approved_only = forms.BooleanField(label="Approved ones only", required=False)
    simulated = forms.BooleanField(label="Simulated ones, too", required=False)
    since = forms.ModelChoiceField(
        label="Only what is new since", queryset=Export.objects.none(), required=False
    )
    validation_percent = forms.IntegerField(label="Validation", min_value=0, max_value=MOST_SET_ASIDE)
    test_percent = forms.IntegerField(label="Test", min_value=0, max_value=MOST_SET_ASIDE)
    seed = forms.IntegerField(label="Seed", min_value=0, max_value=LARGEST_SEED)
    most_per_cell = forms.IntegerField(
        label="Most of one tier and persona", required=False, min_value=1, max_value=LARGEST_CELL
    )
    filter = forms.CharField(required=False, max_length=LONGEST_FILTER)

    def __init__(self, *given: Any, workspace: Workspace, chosen: list[UUID] | None, **more: Any) -> None:
        super().__init__(*given, **more)
        self.workspace, self.chosen = workspace, chosen
        earlier: Any = Export.objects.frozen_in(workspace.pk)
        keys = earlier.order_by("-created_at", "-id").values_list("pk", flat=True)[:MOST_EARLIER]
        self.fields["since"].queryset = (  # type: ignore[attr-defined]
            Export.objects.filter(pk__in=list(keys))
            .only("name", "created_at", "deleted_at")
            .order_by("-created_at", "-id")
        )

    def clean_format(self) -> str:
        name: str = self.cleaned_data["format"]
        if missing := FORMATS[name].missing:
            raise forms.ValidationError(missing)
        return name

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        aside = (given.get("validation_percent") or 0) + (given.get("test_percent") or 0)
        if aside > MOST_SET_ASIDE:
            self.add_error(
                "test_percent",
                f"Validation and test have {aside} percent together. Leave at least {100 - MOST_SET_ASIDE} for training.",
            )
        chosen, flag = given.get("format"), given.get("train_flags")
        if chosen and flag and flag not in FORMATS[chosen].train_flags:
            takers = ", ".join(each.label for each in FORMATS.values() if flag in each.train_flags)
            self.add_error("train_flags", f"This format has no such flag. These have it: {takers}.")
        return given

    def build_wanted(self) -> Wanted:
        """Which conversations are meant, as far as the form can be read."""
        self.is_valid()
        given = self.cleaned_data
        known = FORMATS.get(given.get("format") or "messages", FORMATS["messages"])
        return Wanted(
            workspace=self.workspace.pk,
            filter=given.get("filter", ""),
            chosen=self.chosen,
            approved_only=bool(given.get("approved_only")),
            simulated=bool(given.get("simulated")),
            since=given.get("since"),
            takes=known.takes,
        )

    def find(self) -> ConversationQuerySet:
        """Raises TooCommon."""
        return find_conversations(self.build_wanted())

    def build_choices(self) -> Choices:
        """Of a valid form."""
        given = self.cleaned_data
        options = {
            "system": given["system"],
            "metadata": given["metadata"],
            "train_flags": given["train_flags"] or None,
        }
        names = ("name", "purpose", "format", "token_limit", "filter", "approved_only", "simulated", "since")
        split = ("validation_percent", "test_percent", "seed", "most_per_cell")
        choices: Choices = {name: given[name] for name in (*names, *split)}  # type: ignore[assignment]
        return {**choices, "options": options, "chosen": self.chosen}


def read_ticks(given: QueryDict) -> list[UUID] | None:
    """The ticked conversations that a link or a form names; None where it names none. What is no id is left out."""
    texts = given.getlist("id")[:MOST_TICKED]
    found = []
    for text in texts:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found if texts else None


def read_list_filter(request: HttpRequest) -> str:
    """The filter of the list in the address of the page, without what is not the list's. Raises BadRequest for a long one."""
    kept = [
        (name, value)
        for name in FilterForm.base_fields
        for value in request.GET.getlist(name)
        if value and name != "sort"
    ]
    return read_filter(urlencode(kept))


def build_initial(workspace: Workspace, query: str) -> dict[str, Any]:
    """What a new form shows."""
    stated = workspace.intended_use()
    return {
        "name": NAME,
        "purpose": stated.purpose[:LONGEST_PURPOSE] if stated else "",
        "format": "messages",
        "system": True,
        "token_limit": DEFAULT_TOKENS,
        "approved_only": True,
        "validation_percent": DEFAULT_VALIDATION,
        "test_percent": 0,
        "seed": 1,
        "filter": query,
    }
