"""Scenarios, edge cases and options in the words of the wire, in and out."""

from typing import Any

from rest_framework import serializers

from lib.wire import PageQuery, StrictSerializer, moment
from templates_app.library.editing import LARGEST_POSITION
from templates_app.models import Option, OptionKind, PlanRow, Situation
from templates_app.states import RowKind

WIRE_NAMES = {"expectedBehaviour": "expected_behaviour", "templateId": "template_id"}
OUR_NAMES = {ours: wire for wire, ours in WIRE_NAMES.items()} | {"template": "templateId"}
LIST_NAME = {RowKind.SCENARIO: "scenarios", RowKind.EDGE_CASE: "edgeCases", RowKind.OPTION: "options"}
ONE_NAME = {RowKind.SCENARIO: "scenario", RowKind.EDGE_CASE: "edgeCase", RowKind.OPTION: "option"}


class SituationsQuery(PageQuery):
    search = serializers.CharField(default="", max_length=200)
    tag = serializers.CharField(default="", max_length=100)
    archived = serializers.BooleanField(default=False)


class OptionsQuery(PageQuery):
    search = serializers.CharField(default="", max_length=200)
    kind = serializers.ChoiceField(choices=OptionKind.choices, default="")
    archived = serializers.BooleanField(default=False)


def text_field(**more: Any) -> serializers.CharField:
    """As it came: `row_checks` says what it may be."""
    return serializers.CharField(**{"required": False, "allow_blank": True, "trim_whitespace": False, **more})


class SituationBody(StrictSerializer):
    name = text_field(required=True)
    topic = text_field(required=True)
    persona = text_field()
    emotion = text_field()
    intent = text_field()
    tone = text_field()
    context = text_field()  # type: ignore[assignment]
    expectedBehaviour = text_field()
    tags = serializers.ListField(child=serializers.CharField(allow_blank=True), required=False)
    parameters = serializers.DictField(child=text_field(), required=False)
    templateId = serializers.UUIDField(required=False, allow_null=True)
    position = serializers.IntegerField(required=False, min_value=0, max_value=LARGEST_POSITION)
    archived = serializers.BooleanField(required=False)


class OptionBody(StrictSerializer):
    kind = serializers.ChoiceField(choices=OptionKind.choices)
    name = text_field(required=True)
    description = text_field()
    weight = serializers.DecimalField(required=False, max_digits=8, decimal_places=3, min_value=0)
    position = serializers.IntegerField(required=False, min_value=0, max_value=LARGEST_POSITION)
    archived = serializers.BooleanField(required=False)


def query_of(kind: RowKind) -> type[PageQuery]:
    return OptionsQuery if kind == RowKind.OPTION else SituationsQuery


def body_of(kind: RowKind) -> type[StrictSerializer]:
    return OptionBody if kind == RowKind.OPTION else SituationBody


def wire_row(row: PlanRow) -> dict[str, Any]:
    """A row in full."""
    said = _option(row) if isinstance(row, Option) else _situation(row)
    return {
        "id": row.pk,
        **said,
        "position": row.position,
        "pack": row.pack or None,
        "archivedAt": moment(row.archived_at),
        "createdAt": moment(row.created_at),
        "updatedAt": moment(row.updated_at),
    }


def _option(row: Option) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "name": row.name,
        "description": row.description,
        "weight": float(row.weight),
    }


def _situation(row: Any) -> dict[str, Any]:
    texts = {name: getattr(row, name) for name in ("name", *Situation.VALUES)}
    return {
        **{OUR_NAMES.get(name, name): text for name, text in texts.items()},
        "tags": row.tags,
        "parameters": row.parameters,
        "templateId": row.template_id,
    }
