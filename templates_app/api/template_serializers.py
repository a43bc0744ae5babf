"""Templates as JSON: the bodies that the API takes, and the objects that it returns."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import Http404
from rest_framework import serializers

from lib.wire import BY_CREATION, OrderingField, PageQuery, StrictSerializer, moment
from templates_app.models import PromptTemplate, TemplateVersion
from templates_app.prompts.checks import MOST_VARIABLES
from templates_app.states import Tier
from templates_app.text.content import Content, Finding

# The JSON names of a content's fields. A variable has the keys of `Variable.to_dict`.
FIELDS = {
    "text": "text",
    "systemPrompt": "system_prompt",
    "trainingSystemPrompt": "training_system_prompt",
    "variables": "variables",
    "language": "language",
    "model": "model",
    "turnsMin": "turns_min",
    "turnsMax": "turns_max",
}
WIRE = {ours: theirs for theirs, ours in FIELDS.items()}


class NoVersion(Http404):
    """The template does not have the version that the body names in this field."""

    def __init__(self, column: str, number: int | None) -> None:
        super().__init__("This template has no version" + ("." if number is None else f" {number}."))
        self.column = column


class TemplatesQuery(PageQuery):
    several = ("tier",)

    tier = serializers.MultipleChoiceField(choices=Tier.choices, default=set)
    archived = serializers.BooleanField(default=False)
    ordering = OrderingField(
        {
            **BY_CREATION,
            "name": ("name", "id"),
            "updatedAt": ("updated_at", "id"),
            "tier": ("tier", "name", "id"),
        }
    )


class VersionsQuery(PageQuery):
    ordering = OrderingField({"number": ("number",)})


def make_text_field() -> serializers.CharField:
    return serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)


class ContentBody(StrictSerializer):
    """A field that is left out keeps its value. The values are checked by `prompts.checks`."""

    text = make_text_field()
    systemPrompt = make_text_field()
    trainingSystemPrompt = make_text_field()
    variables = serializers.ListField(child=serializers.DictField(), required=False)
    language = serializers.CharField(required=False)
    model = serializers.CharField(required=False, allow_blank=True)
    turnsMin = serializers.IntegerField(required=False, allow_null=True)
    turnsMax = serializers.IntegerField(required=False, allow_null=True)


class TemplateBody(ContentBody):
    name = serializers.CharField()
    tier = serializers.ChoiceField(choices=Tier.choices)
    text = serializers.CharField(allow_blank=True, trim_whitespace=False)


class TemplatePatch(ContentBody):
    name = serializers.CharField(required=False)
    tier = serializers.ChoiceField(choices=Tier.choices, required=False)
    archived = serializers.BooleanField(required=False)
    diversity = serializers.BooleanField(required=False)


class VersionBody(ContentBody):
    """The next draft. `publish` with a `note` publishes it; `fromVersion` publishes the text of an old version.

    `keepUnused` names variables that stay, although no text uses them; publishing removes the others.
    """

    publish = serializers.BooleanField(default=False)
    keepUnused = serializers.ListField(child=serializers.CharField(), default=list, max_length=MOST_VARIABLES)
    note = serializers.CharField(default="", allow_blank=True, max_length=1000)
    fromVersion = serializers.IntegerField(required=False, min_value=1)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        """A version is made from new content or from an old version: of both, one would be ignored."""
        if "fromVersion" in given and has_content_fields(given):
            problem = "An old version brings its own content: leave the other fields out, or fromVersion."
            raise serializers.ValidationError({"fromVersion": problem})
        return given


class ResolveBody(StrictSerializer):
    parameters = serializers.DictField(default=dict)
    version = serializers.IntegerField(required=False, min_value=1)


def merge_content(given: Mapping[str, Any], before: Content) -> Content:
    """The content in the newest syntax, changed by the fields that a body has."""
    changed = {ours: given[theirs] for theirs, ours in FIELDS.items() if theirs in given}
    return Content(**{**before.upgrade().as_fields(), **changed})


def has_content_fields(given: Mapping[str, Any]) -> bool:
    return any(name in given for name in FIELDS)


def serialize_template(template: PromptTemplate, versions: list[dict[str, Any]]) -> dict[str, Any]:
    """A template for a list, without its texts. `versions` are its (number, published_at), ascending."""
    published = [each["number"] for each in versions if each["published_at"]]
    return {
        "id": template.pk,
        "name": template.name,
        "tier": template.tier,
        "pack": template.pack or None,
        "diversity": template.diversity,
        "publishedVersion": published[-1] if published else None,
        "newestVersion": versions[-1]["number"] if versions else None,
        "archivedAt": moment(template.archived_at),
        "createdAt": moment(template.created_at),
        "updatedAt": moment(template.updated_at),
    }


def serialize_version(version: TemplateVersion, findings: Sequence[Finding] | None = None) -> dict[str, Any]:
    """A version with all its fields, and what the check found in it where that is known."""
    found = {theirs: getattr(version, ours) for theirs, ours in FIELDS.items()}
    listed = [{"kind": each.kind, "level": each.level, "message": each.message} for each in findings or ()]
    return {
        "number": version.number,
        "status": "draft" if version.is_draft else "published",
        "note": version.note,
        "syntax": version.syntax,
        "createdBy": version.created_by_id,
        "createdAt": moment(version.created_at),
        "publishedAt": moment(version.published_at),
        **found,
        **({} if findings is None else {"findings": listed}),
    }
