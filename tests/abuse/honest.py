"""What an honest client sends where no page shows it: a valid body for each method of the API that takes one.

Every value in such a body is replaced by the worst shapes, one after the other. So a body should have every field, nested
ones too, and lead as deep into the code as a valid request does.
"""

from collections.abc import Callable, Sequence
from typing import Any

from templates_app.models import PromptTemplate, TemplateVersion
from templates_app.states import Tier
from tests import factories
from tests.abuse.html_forms import Pairs
from tests.abuse.world import VALUES, World

Body = dict[str, Any]
DETAILS = {"setting": "on a train"}
RUN = {"concurrentProcessing": 2, "priority": "normal", "budgetUsd": "5.00"}
FILTER = {
    "tier": ["scenario"],
    "status": "approved",
    "qualityScoreMin": 1,
    "qualityScoreMax": 2.5,
    "createdFrom": "2026-01-01",
    "createdTo": "2026-01-02T10:00:00Z",
    "search": "no such conversation",
    "undecided": True,
    "flagged": False,
    "flag": ["refusal"],
    "flaggedSinceDecision": False,
    "importJob": "7f0e5e0e-0000-4000-8000-000000000000",
}
START = {"name": "A batch", "errorHandling": "continue", "mode": "live", "seed": 7, "diversity": True, **RUN}


def make_items(world: World) -> Body:
    given = {
        "topic": "a pension",
        "tier": "template",
        "parameters": without(VALUES, "topic"),
        "category": ["tax"],
        "details": DETAILS,
    }
    return {
        "templateId": str(world.template.pk),
        "items": [given],
        "sharedParameters": {"place": "call"},
        **START,
    }


def make_matrix(world: World) -> Body:
    axes = [
        {"name": "tone", "values": ["calm", {"value": "brief", "weight": 2, "description": "few words"}]},
        {"name": "age", "values": ["30", "60"]},
    ]
    matrix = {
        "axes": axes,
        "perCell": 1,
        "exclude": [{"tone": "calm", "age": "30"}],
        "quotas": [{"values": {"tone": "calm", "age": "60"}, "count": 2}],
    }
    shared = {"sharedParameters": {"topic": "a pension"}, "details": DETAILS}
    return {"templateId": str(world.template.pk), "matrix": matrix, **shared, **START, "draft": True}


def make_situations(world: World) -> Body:
    return {"scenarioIds": [world.rows["entry_id"][0]], "edgeCaseIds": None, "tags": ["tax"], **START}


def make_chosen(world: World) -> Body:
    return {"conversationIds": [world.written], "tier": "template", **START}


def make_single(world: World) -> Body:
    return {
        "templateId": str(world.template.pk),
        "parameters": VALUES,
        "details": DETAILS,
        "tier": "template",
    }


def make_content(world: World) -> Body:
    version: TemplateVersion = world.template.versions.get(number=1)
    return {
        "text": version.text,
        "systemPrompt": "Be {{tone}}.",
        "trainingSystemPrompt": "Advise.",
        "variables": version.variables,
        "language": "en",
        "model": "",
        "turnsMin": 4,
        "turnsMax": 8,
    }


def make_template(world: World) -> Body:
    return {"name": "Another", "tier": "template", **make_content(world)}


def make_patch(world: World) -> Body:
    return {**make_template(world), "archived": False, "diversity": True}


def make_version(world: World) -> Body:
    return {**make_content(world), "publish": True, "keepUnused": ["age"], "note": "why"}


def make_situation(world: World, tier: Tier) -> Body:
    texts = ("name", "topic", "persona", "emotion", "intent", "tone", "context", "expectedBehaviour")
    template = PromptTemplate.objects.filter(workspace=world.template.workspace, tier=tier)[0]
    about = {"tags": ["tax"], "parameters": {"age": "44"}, "templateId": str(template.pk), "position": 3}
    return {**{name: f"a {name}" for name in texts}, **about, "archived": False}


def make_scenario(world: World) -> Body:
    return make_situation(world, Tier.SCENARIO)


def make_edge_case(world: World) -> Body:
    return make_situation(world, Tier.EDGE_CASE)


def make_option(world: World) -> Body:
    about = {"description": "few words", "weight": 2, "position": 3, "archived": False}
    return {"kind": "tone", "name": "terse", **about}


def make_change(world: World) -> Body:
    """An edit, a decision, a score and notes at once."""
    turns = [{"turnNumber": 1, "content": "Said better", "role": "user", "tokenCount": 4}]
    said = {"note": "why", "reasons": ["leak", "other"], "reviewerNotes": "Ask Bert", "revision": 0}
    return {"status": "rejected", "reviewAction": "reject", "qualityScore": 7.5, "turns": turns, **said}


def make_bulk_by_ids(world: World) -> Body:
    keys = world.rows["conversation_id"]
    said = {"note": "why", "reasons": ["leak"]}
    return {"action": "reject", "ids": keys, "revisions": dict.fromkeys(keys, 1), **said}


def make_bulk_by_filter(world: World) -> Body:
    """About none: a filter that finds rows would need their number."""
    wanted = {**FILTER, "batch": world.rows["job_id"][0]}
    return {"action": "approve", "filter": wanted, "count": 0}


def make_export(world: World) -> Body:
    split = {"validationPercent": 10, "testPercent": 5, "seed": 7, "mostPerCell": 100}
    wanted = {
        **without(FILTER, "createdFrom", "createdTo"),
        "createdFrom": "2026-01-01",
        "createdTo": "2026-01-02",
    }
    which = {"filter": wanted, "approvedOnly": True, "simulated": True, "since": world.rows["export_id"][2]}
    how = {"format": "messages", "system": True, "metadata": True, "trainFlags": "weight", "tokenLimit": 4096}
    about = {"name": "Mine", "purpose": "A bot", "workspaceId": str(world.template.workspace_id)}
    return {**about, **which, **how, **split, "pauseOnWarnings": True}


def make_regenerations(world: World) -> Body:
    said = {"name": "Again", "instruction": "Shorter.", "errorHandling": "stop", **RUN}
    return {"action": "regenerate", "ids": world.rows["conversation_id"], **said}


BODIES: dict[str, Sequence[Callable[[World], Body]]] = {
    "POST api_generate": [make_single],
    "POST api_generate_batch": [make_items, make_matrix, make_situations, make_chosen],
    "POST api_batch_estimate": [
        lambda world: without(make_items(world), "draft"),
        lambda world: without(make_matrix(world), "draft"),
    ],
    "PATCH api_batch": [
        lambda world: RUN,
        lambda world: {"action": "pause"},
        lambda world: {"action": "retry_failed", "errorKind": "refused"},
        lambda world: {"action": "resume", "budgetUsd": "5.00"},
        lambda world: {
            "action": "retry_failed",
            "itemIds": world.rows["item_id"][1:2],
            "budgetUsd": "5.00",
        },
    ],
    "POST api_batch_duplicate": [lambda world: {**RUN, "name": "A copy", "errorHandling": "stop"}],
    "PATCH api_conversation": [make_change, lambda world: {"reviewAction": "archive", "note": "why"}],
    "DELETE api_conversation": [lambda world: {}],
    "POST api_regenerate": [
        lambda world: {"parameters": VALUES, "details": DETAILS, "instruction": "Shorter.", "fromTurn": 2}
    ],
    "POST api_judge_estimate": [
        lambda world: {"ids": world.rows["conversation_id"][:1], "concurrentProcessing": 2}
    ],
    "POST api_judge": [
        lambda world: {"ids": world.rows["conversation_id"][:1], "budgetUsd": "5.00", "name": "Judge them"},
        lambda world: {"filter": {"tier": ["template"]}, "count": 2, "budgetUsd": "5.00"},
    ],
    "PATCH api_rubric": [lambda world: {"version": 1, "criteria": {"accuracy": "Only facts."}}],
    "POST api_bulk": [make_bulk_by_ids, make_bulk_by_filter, make_regenerations],
    "POST api_rescore": [
        lambda world: {"workspaceId": str(world.template.workspace_id), "filter": FILTER},
        lambda world: {"ids": world.rows["conversation_id"]},
    ],
    "POST api_imports": [
        lambda world: {
            "name": "old.jsonl",
            "content": factories.TALK.decode(),
            "tier": "scenario",
            "persona": "Nurse",
            "language": "en",
            "templateId": str(world.template.pk),
            "asVersions": True,
            "again": True,
            "workspaceId": str(world.template.workspace_id),
            "dryRun": True,
        }
    ],
    "POST api_background_job_cancel": [lambda world: {}],
    "POST api_exports": [make_export, lambda world: {"ids": world.rows["conversation_id"]}],
    **dict.fromkeys(
        (f"POST api_export_{verb}" for verb in ("write", "recreate", "cancel")), (lambda world: {},)
    ),
    "POST api_export_push": [lambda world: {"repository": "me/my-data", "public": True}],
    "DELETE api_export": [lambda world: {}],
    "POST api_item_retry": [lambda world: {}],
    "POST api_item_use": [lambda world: {}],
    "POST api_templates": [make_template],
    "PATCH api_template": [make_patch],
    "POST api_template_versions": [
        make_version,
        lambda world: {"fromVersion": 1, "note": "back", "publish": True},
    ],
    "POST api_template_resolve": [lambda world: {"parameters": VALUES, "version": 1}],
    **dict.fromkeys(("POST api_scenarios", "PATCH api_scenario"), (make_scenario,)),
    **dict.fromkeys(("POST api_edge_cases", "PATCH api_edge_case"), (make_edge_case,)),
    **dict.fromkeys(("POST api_options", "PATCH api_option"), (make_option,)),
    **dict.fromkeys(
        (f"{method} api_unknown" for method in ("POST", "PUT", "PATCH", "DELETE")), (lambda world: {},)
    ),
}
# What is posted to pages that show no form for it.
FORMS: dict[str, Pairs] = {
    "healthz": [("name", "x")],
    "readyz": [("name", "x")],
    "starter_pack": [("workspace", "")],
    "item_use": [("idempotency_key", "x")],
    "settings_provider_own_key": [("workspace", ""), ("own_key", "sk-ant-other"), ("action", "change")],
    "settings_provider_key": [("name", ""), ("api_key", "sk-ant-other"), ("action", "change")],
    "export_push": [("repository", "me/my-data"), ("public", "on")],
    "conversation_bring_back": [("revision", "0")],
    "review_answer": [("query", ""), ("value", "7")],
    "review_lock": [("query", "order_by=oldest")],
    "review_draft": [("query", ""), ("turn", "2"), ("text", "Good day.")],
    "review_edit": [
        *(("query", ""), ("turn", "2"), ("revision", "0")),
        *(("text", "Good day."), ("action", "save")),
    ],
}


def without(body: Body, *names: str) -> Body:
    return {name: value for name, value in body.items() if name not in names}
