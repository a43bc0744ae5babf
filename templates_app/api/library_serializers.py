"""Scenarios, edge cases and options as JSON: the bodies that the API takes, and the objects that it returns."""

from typing import Any

from rest_framework import serializers

from lib.wire import BY_CREATION, OrderingField, PageQuery, StrictSerializer, moment
from templates_app.library.editing import LARGEST_POSITION
from templates_app.library.needs import find_lacking
from templates_app.models import LibraryEntry, Option, OptionKind, Situation
from templates_app.states import EntryKind

WIRE_NAMES = {"expectedBehaviour": "expected_behaviour", "templateId": "template_id"}
OUR_NAMES = {ours: wire for wire, ours in WIRE_NAMES.items()} | {"template": "templateId"}
LIST_NAME = {EntryKind.SCENARIO: "scenarios", EntryKind.EDGE_CASE: "edgeCases", EntryKind.OPTION: "options"}
ONE_ROUTE = {
    EntryKind.SCENARIO: "api_scenario",
    EntryKind.EDGE_CASE: "api_edge_case",
    EntryKind.OPTION: "api_option",
}
ONE_NAME = {EntryKind.SCENARIO: "scenario", EntryKind.EDGE_CASE: "edgeCase", EntryKind.OPTION: "option"}


ORDERS = {
    "position": ("position", "name", "id"),
    "name": ("name", "id"),
    "updatedAt": ("updated_at", "id"),
    **BY_CREATION,
}


class SituationsQuery(PageQuery):
    search = serializers.CharField(default="", max_length=200)
    tag = serializers.CharField(default="", max_length=100)
    archived = serializers.BooleanField(default=False)
    ordering = OrderingField(ORDERS)


class OptionsQuery(PageQuery):
    search = serializers.CharField(default="", max_length=200)
    kind = serializers.ChoiceField(choices=OptionKind.choices, default="")
    archived = serializers.BooleanField(default=False)
    ordering = OrderingField(ORDERS)


def make_text_field(**more: Any) -> serializers.CharField:
    """A text that is taken as it was sent; `library.checks` checks it."""
    return serializers.CharField(**{"required": False, "allow_blank": True, "trim_whitespace": False, **more})


class SituationBody(StrictSerializer):
    name = make_text_field(required=True)
    topic = make_text_field(required=True)
    persona = make_text_field()
    emotion = make_text_field()
    intent = make_text_field()
    tone = make_text_field()
    context = make_text_field()  # type: ignore[assignment]
    expectedBehaviour = make_text_field()
    tags = serializers.ListField(child=serializers.CharField(allow_blank=True), required=False)
    parameters = serializers.DictField(child=make_text_field(), required=False)
    templateId = serializers.UUIDField(required=False, allow_null=True)
    position = serializers.IntegerField(required=False, min_value=0, max_value=LARGEST_POSITION)
    archived = serializers.BooleanField(required=False)


class OptionBody(StrictSerializer):
    kind = serializers.ChoiceField(choices=OptionKind.choices)
    name = make_text_field(required=True)
    description = make_text_field()
    weight = serializers.DecimalField(required=False, max_digits=8, decimal_places=3, min_value=0)
    position = serializers.IntegerField(required=False, min_value=0, max_value=LARGEST_POSITION)
    archived = serializers.BooleanField(required=False)


def choose_query(kind: EntryKind) -> type[PageQuery]:
    return OptionsQuery if kind == EntryKind.OPTION else SituationsQuery


def choose_body(kind: EntryKind) -> type[StrictSerializer]:
    return OptionBody if kind == EntryKind.OPTION else SituationBody


def serialize_entry(entry: LibraryEntry) -> dict[str, Any]:
    """An entry with all its fields."""
    own = _serialize_option(entry) if isinstance(entry, Option) else _serialize_situation(entry)
    return {
        "id": entry.pk,
        **own,
        "position": entry.position,
        "pack": entry.pack or None,
        "archivedAt": moment(entry.archived_at),
        "createdAt": moment(entry.created_at),
        "updatedAt": moment(entry.updated_at),
    }


def serialize_in_full(entry: LibraryEntry) -> dict[str, Any]:
    """An entry with all its fields; a scenario or an edge case also with `lacking`: what its template needs besides."""
    if not isinstance(entry, Situation):
        return serialize_entry(entry)
    lacking = [
        {"name": OUR_NAMES.get(each.name, each.name), "message": each.message} for each in find_lacking(entry)
    ]
    return {**serialize_entry(entry), "lacking": lacking}


def _serialize_option(entry: Option) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "name": entry.name,
        "description": entry.description,
        "weight": float(entry.weight),
    }


def _serialize_situation(entry: Any) -> dict[str, Any]:
    texts = {name: getattr(entry, name) for name in ("name", *Situation.VALUES)}
    return {
        **{OUR_NAMES.get(name, name): text for name, text in texts.items()},
        "tags": entry.tags,
        "parameters": entry.parameters,
        "templateId": entry.template_id,
    }
