"""What the schema of the API says about templates, scenarios, edge cases and options."""

from typing import Any

from lib.api.operations import Operation, Operations, list_of
from lib.api.shapes import (
    ANYTHING,
    ID,
    MOMENT,
    NUMBER,
    TEXT,
    WHOLE,
    YES_OR_NO,
    ListOf,
    MapOf,
    Record,
    Word,
)
from templates_app.api.library_serializers import (
    LIST_NAME,
    ONE_NAME,
    OptionBody,
    OptionsQuery,
    SituationBody,
    SituationsQuery,
)
from templates_app.api.template_serializers import (
    ResolveBody,
    TemplateBody,
    TemplatePatch,
    TemplatesQuery,
    VersionBody,
    VersionsQuery,
)
from templates_app.models import OptionKind
from templates_app.states import EntryKind, Tier

TAG, LIBRARY = "Templates", "Scenarios, edge cases and options"
TEMPLATE_TEXT = "Write a conversation about {{topic}}."

CONTENT = Record(
    text=TEXT.like(TEMPLATE_TEXT),
    systemPrompt=TEXT.like(""),
    trainingSystemPrompt=TEXT.like("You are a financial planner."),
    variables=ListOf(MapOf(ANYTHING).like({"name": "topic", "type": "text", "required": True})),
    language=TEXT.like("en"),
    model=TEXT.like(""),
    turnsMin=WHOLE.like(8).or_null,
    turnsMax=WHOLE.like(14).or_null,
)
VERSION = Record(
    CONTENT,
    number=WHOLE.like(1),
    status=Word(["draft", "published"]),
    note=TEXT.like(""),
    syntax=WHOLE.like(2),
    createdBy=ID.or_null,
    createdAt=MOMENT,
    publishedAt=MOMENT.or_null.like(None),
    findings=ListOf(
        Record(kind=TEXT.like("unused"), level=Word(["error", "warning"]), message=TEXT)
    ).optional.means("What the check found, of a draft and of what was changed just now."),
)
TEMPLATE = Record(
    id=ID,
    name=TEXT.like("Edge case"),
    tier=Word(Tier.values),
    pack=TEXT.or_null.like(None),
    diversity=YES_OR_NO,
    publishedVersion=WHOLE.like(1).or_null,
    newestVersion=WHOLE.like(1).or_null,
    archivedAt=MOMENT.or_null.like(None),
    createdAt=MOMENT,
    updatedAt=MOMENT,
)
ONE_TEMPLATE = Record(template=Record(TEMPLATE, version=VERSION.named("TemplateVersion").or_null))
CREATION = {"name": "A pension", "tier": "template", "text": TEMPLATE_TEXT, "variables": [{"name": "topic"}]}

ENTRY = Record(
    id=ID,
    position=WHOLE.like(36),
    pack=TEXT.or_null.like(None),
    archivedAt=MOMENT.or_null.like(None),
    createdAt=MOMENT,
    updatedAt=MOMENT,
)
SITUATION = Record(
    ENTRY,
    name=TEXT.like("A mill"),
    persona=TEXT.like("Miller"),
    emotion=TEXT.like(""),
    topic=TEXT.like("selling the mill"),
    intent=TEXT.like(""),
    tone=TEXT.like(""),
    context=TEXT.like(""),
    expectedBehaviour=TEXT.like(""),
    tags=ListOf(TEXT.like("land")),
    parameters=MapOf(ANYTHING).like({"age": "41"}),
    templateId=ID.or_null.like(None),
    lacking=ListOf(Record(name=TEXT.like("context"), message=TEXT)).optional.means(
        "What its template needs and it does not have yet; lists leave it out."
    ),
)
OPTION = Record(
    ENTRY,
    kind=Word(OptionKind.values),
    name=TEXT.like("dry"),
    description=TEXT.like("few words"),
    weight=NUMBER.like(1.0),
)
KINDS: dict[EntryKind, dict[str, Any]] = {
    EntryKind.SCENARIO: {
        "routes": ("api_scenarios", "api_scenario"),
        "words": ("scenarios", "a scenario"),
        "shape": SITUATION.named("Situation"),
        "body": SituationBody,
        "query": SituationsQuery,
        "example": {"name": "A mill", "topic": "selling the mill", "persona": "Miller", "tags": ["land"]},
    },
    EntryKind.EDGE_CASE: {
        "routes": ("api_edge_cases", "api_edge_case"),
        "words": ("edge cases", "an edge case"),
        "shape": SITUATION.named("Situation"),
        "body": SituationBody,
        "query": SituationsQuery,
        "example": {"name": "A threat", "topic": "threatens to sue", "expectedBehaviour": "stays calm"},
    },
    EntryKind.OPTION: {
        "routes": ("api_options", "api_option"),
        "words": ("options", "an option"),
        "shape": OPTION.named("Option"),
        "body": OptionBody,
        "query": OptionsQuery,
        "example": {"kind": "tone", "name": "dry", "description": "few words", "weight": 1},
    },
}


def describe_entries(kind: EntryKind) -> Operations:
    """The four operations of one kind of entries."""
    about = KINDS[kind]
    (many, one), (plural, singular) = about["routes"], about["words"]
    answer = Record(**{ONE_NAME[kind]: about["shape"]})
    return {
        ("GET", many): Operation(
            tag=LIBRARY,
            summary=f"List {plural}",
            about="In the order of plans, or with `archived=true` the archived ones instead.",
            query=about["query"],
            answers={200: list_of(LIST_NAME[kind], about["shape"])},
        ),
        ("POST", many): Operation(
            tag=LIBRARY,
            summary=f"Make {singular}",
            about="In your personal workspace.",
            bodies=(about["body"],),
            examples={"new": about["example"]},
            answers={201: answer},
            locates=(201,),
        ),
        ("GET", one): Operation(
            tag=LIBRARY, summary=f"Show {singular}", answers={200: answer}, has_etag=True
        ),
        ("PATCH", one): Operation(
            tag=LIBRARY,
            summary=f"Change {singular}",
            about="What is left out stays. `archived` takes it out of new plans or back.",
            bodies=(about["body"],),
            examples={"archive": {"archived": True}},
            is_partial=True,
            answers={200: answer},
            errors=(403, 409),
            has_etag=True,
            takes_match=True,
        ),
    }


OPERATIONS: Operations = {
    ("GET", "api_templates"): Operation(
        tag=TAG,
        summary="List templates",
        about="By name, without texts.",
        query=TemplatesQuery,
        answers={200: list_of("templates", TEMPLATE.named("TemplateSummary"))},
    ),
    ("POST", "api_templates"): Operation(
        tag=TAG,
        summary="Make a template",
        about="With a first version, a draft, in your personal workspace.",
        bodies=(TemplateBody,),
        examples={"new": CREATION},
        answers={201: ONE_TEMPLATE},
        errors=(422,),
        locates=(201,),
    ),
    ("GET", "api_template"): Operation(
        tag=TAG,
        summary="Show a template",
        about="With its newest version.",
        answers={200: ONE_TEMPLATE},
        has_etag=True,
    ),
    ("PATCH", "api_template"): Operation(
        tag=TAG,
        summary="Change a template",
        about="Content goes into its next draft; published versions never change.",
        bodies=(TemplatePatch,),
        examples={"text": {"text": "Write a short conversation about {{topic}}."}},
        answers={200: ONE_TEMPLATE},
        errors=(403, 409, 422),
        has_etag=True,
        takes_match=True,
    ),
    ("GET", "api_template_versions"): Operation(
        tag=TAG,
        summary="List the versions of a template",
        about="The newest first.",
        query=VersionsQuery,
        answers={200: list_of("versions", VERSION.named("TemplateVersion"))},
    ),
    ("POST", "api_template_versions"): Operation(
        tag=TAG,
        summary="Make or publish a version of a template",
        about="The next draft from the content of the body; `publish` publishes it, `fromVersion` an old text.",
        bodies=(VersionBody,),
        examples={
            "publish": {"text": TEMPLATE_TEXT, "publish": True, "note": "First version"},
            "back": {"fromVersion": 1, "note": "The shorter text was better"},
        },
        answers={201: Record(version=VERSION.named("TemplateVersion"))},
        errors=(403, 409, 422),
        locates=(201,),
    ),
    ("POST", "api_template_resolve"): Operation(
        tag=TAG,
        summary="Fill a template",
        about="The request that these values would give. Nothing is sent, and nothing is stored.",
        bodies=(ResolveBody,),
        examples={"values": {"parameters": {"topic": "a pension"}}},
        answers={
            200: Record(
                templateId=ID,
                version=WHOLE.like(1),
                prompt=TEXT.like("Write a conversation about a pension."),
                systemPrompt=TEXT.like(""),
                parameters=MapOf(ANYTHING).like({"topic": "a pension"}),
            )
        },
        errors=(422,),
    ),
    **describe_entries(EntryKind.SCENARIO),
    **describe_entries(EntryKind.EDGE_CASE),
    **describe_entries(EntryKind.OPTION),
}
