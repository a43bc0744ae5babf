"""Templates in the words of the wire, in and out."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from lib.wire import PageQuery, StrictSerializer, moment
from templates_app.models import PromptTemplate, TemplateVersion
from templates_app.states import Tier
from templates_app.text.content import Content, lint

# The wire's names of a content's fields; a variable's own keys are those of `Variable.to_dict`.
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


class TemplatesQuery(PageQuery):
    several = ("tier",)

    tier = serializers.MultipleChoiceField(choices=Tier.choices, default=set)
    archived = serializers.BooleanField(default=False)


def text_field() -> serializers.CharField:
    return serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)


class ContentBody(StrictSerializer):
    """What is left out keeps its value; `checks` says what a content may be."""

    text = text_field()
    systemPrompt = text_field()
    trainingSystemPrompt = text_field()
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
    """The next draft; `publish` with a `note` publishes it, `fromVersion` publishes an old text again."""

    publish = serializers.BooleanField(default=False)
    note = serializers.CharField(default="", allow_blank=True, max_length=1000)
    fromVersion = serializers.IntegerField(required=False, min_value=1)


class ResolveBody(StrictSerializer):
    parameters = serializers.DictField(default=dict)
    version = serializers.IntegerField(required=False, min_value=1)


def content_from(given: Mapping[str, Any], before: Content) -> Content:
    """The content with what a body gives in it."""
    changed = {ours: given[theirs] for theirs, ours in FIELDS.items() if theirs in given}
    return Content(**{**before.as_fields(), **changed})


def changes_content(given: Mapping[str, Any]) -> bool:
    return any(name in given for name in FIELDS)


def template_row(template: PromptTemplate, versions: list[dict[str, Any]]) -> dict[str, Any]:
    """One of a list: without texts. `versions` are (number, published_at) of this template, ascending."""
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


def version_row(version: TemplateVersion) -> dict[str, Any]:
    """A version in full; a draft says what lint finds."""
    content = version.content()
    found = {theirs: getattr(version, ours) for theirs, ours in FIELDS.items()}
    return {
        "number": version.number,
        "status": "draft" if version.is_draft else "published",
        "note": version.note,
        "createdBy": version.created_by_id,
        "createdAt": moment(version.created_at),
        "publishedAt": moment(version.published_at),
        **found,
        **(
            {
                "findings": [
                    {"kind": each.kind, "level": each.level, "message": each.message}
                    for each in lint(content)
                ]
            }
            if version.is_draft
            else {}
        ),
    }
