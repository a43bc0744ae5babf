"""The bodies and query strings of the batches' API, checked by field. Rules about plans and money are elsewhere."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from batches.models.jobs import LONGEST_NAME
from batches.models.states import ErrorHandling, JobStatus, Mode, Priority
from batches.planning.plan import LARGEST_PLAN, LARGEST_SEED, LEAST_SEED
from batches.reports.reason_texts import ERRORS
from lib.wire import BY_CREATION, OrderingField, PageQuery, StrictSerializer
from templates_app.states import LONGEST_TOPIC, Tier

ACTIONS = ("pause", "resume", "cancel", "retry_failed")
SETTINGS = ("concurrentProcessing", "priority", "budgetUsd")
RETRY = ("action", "errorKind", "itemIds", "budgetUsd")
RESUME = ("action", "budgetUsd")
NOT_YET = "This version cannot do this yet: {}."
PRIORITY_WORDS = [each.label for each in Priority]


# What a plan can be made from. Without any of these it is the starter plan.
KINDS = (("items",), ("matrix",), ("conversationIds",), ("scenarioIds", "edgeCaseIds", "tags"))
TIER_OF_IDS = {"scenarioIds": Tier.SCENARIO.value, "edgeCaseIds": Tier.EDGE_CASE.value}
# An empty list chooses nothing. Taken as "not given" it would start the whole starter plan, and be paid.
EMPTY = "This list is empty. Name at least one, or leave the field out."


def make_ids_field() -> serializers.ListField:
    return serializers.ListField(
        child=serializers.UUIDField(), allow_null=True, default=None, max_length=LARGEST_PLAN
    )


class ConcurrencyField(serializers.IntegerField):
    """Calls at once, from 1 to the ceiling of the installation: memory and the database's connections grow with it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, **options)

    def to_internal_value(self, data: Any) -> int:
        value = super().to_internal_value(data)
        ceiling = settings.ENVIRONMENT.max_concurrency
        if value > ceiling:
            raise serializers.ValidationError(f"At most {ceiling} at once (LORAPIPE_MAX_CONCURRENCY).")
        return value


class ItemBody(StrictSerializer):
    topic = serializers.CharField(max_length=LONGEST_TOPIC, trim_whitespace=False)
    tier = serializers.ChoiceField(choices=Tier.choices, default="")
    parameters = serializers.DictField(default=dict)
    category = serializers.ListField(child=serializers.CharField(max_length=100), max_length=20, default=list)
    details = serializers.DictField(child=serializers.CharField(trim_whitespace=False), default=dict)

    def validate_parameters(self, value: dict[str, Any]) -> dict[str, Any]:
        if "topic" in value:
            raise serializers.ValidationError("Give the topic beside the parameters, not among them.")
        return value


class BatchBody(StrictSerializer):
    """The fields that the start and the estimate have in common. `judge`: Claude judges what the batch has made."""

    name = serializers.CharField(max_length=LONGEST_NAME, required=False)
    tier = serializers.ChoiceField(choices=Tier.choices, allow_null=True, default=None)
    templateId = serializers.UUIDField(allow_null=True, default=None)
    items: serializers.ListSerializer[Any] = serializers.ListSerializer(
        child=ItemBody(), allow_null=True, default=None, max_length=LARGEST_PLAN
    )
    matrix = serializers.DictField(allow_null=True, default=None)
    conversationIds = make_ids_field()
    scenarioIds = make_ids_field()
    edgeCaseIds = make_ids_field()
    tags = serializers.ListField(
        child=serializers.CharField(max_length=100), allow_null=True, default=None, max_length=100
    )
    sharedParameters = serializers.DictField(default=dict)
    details = serializers.DictField(child=serializers.CharField(trim_whitespace=False), default=dict)
    diversity = serializers.BooleanField(allow_null=True, default=None)
    concurrentProcessing = ConcurrencyField(required=False)
    errorHandling = serializers.ChoiceField(choices=ErrorHandling.choices, default=ErrorHandling.CONTINUE)
    priority = serializers.ChoiceField(choices=PRIORITY_WORDS, default=Priority.NORMAL.label)
    mode = serializers.ChoiceField(choices=Mode.choices, default=Mode.LIVE)
    budgetUsd = serializers.DecimalField(
        max_digits=18, decimal_places=9, min_value=0, allow_null=True, default=None
    )
    judge = serializers.BooleanField(allow_null=True, default=None)
    seed = serializers.IntegerField(
        min_value=LEAST_SEED, max_value=LARGEST_SEED, allow_null=True, default=None
    )

    def validate_mode(self, value: str) -> str:
        if value != Mode.LIVE:
            raise serializers.ValidationError(NOT_YET.format("leave `mode` out, or send `live`"))
        return value

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        empty = [name for names in KINDS for name in names if given[name] == []]
        if empty:
            raise serializers.ValidationError(dict.fromkeys(empty, EMPTY))
        if problem := find_kind_problem(given) or find_tier_problem(given):
            raise serializers.ValidationError(problem)
        return given


def find_kind_problem(given: dict[str, Any]) -> dict[str, str] | None:
    """The field that does not fit what the plan is made from, and why."""
    named = [[name for name in names if given[name] is not None] for names in KINDS]
    first = [names[0] for names in named if names]
    if len(first) > 1:
        return {first[1]: f"A plan is made from only one of these: {', '.join(first)}."}
    filled = given["items"] is not None or given["matrix"] is not None
    if given["templateId"] is None and filled:
        return {"templateId": "Items need the template that they fill."}
    if given["templateId"] is not None and first and not filled:
        return {"templateId": f"{first[0]} bring the templates that they fill. Leave templateId out."}
    if given["templateId"] is not None and not filled:
        return {"items": "A template needs the items that fill it."}
    return None


def find_tier_problem(given: dict[str, Any]) -> dict[str, str] | None:
    """Situations have a tier by their kind: another one would leave them out, and nobody would notice."""
    for name, tier in TIER_OF_IDS.items():
        if given[name] is not None and given["tier"] not in (None, tier):
            return {"tier": f"{name} are of the tier {tier}. Leave tier out."}
    if given["tags"] is not None and given["tier"] not in (None, *TIER_OF_IDS.values()):
        return {
            "tier": f"Only situations have tags, and they are of the tiers {' and '.join(TIER_OF_IDS.values())}."
        }
    return None


class StartBody(BatchBody):
    """`judgeBudgetUsd`: the most that the judge may spend. With `judge` alone it is what the estimate offers."""

    name = serializers.CharField(max_length=LONGEST_NAME)
    draft = serializers.BooleanField(default=False)
    judgeBudgetUsd = serializers.DecimalField(
        max_digits=18, decimal_places=9, min_value=0, allow_null=True, default=None
    )

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        given = super().validate(given)
        ordered = [name for name in ("judge", "judgeBudgetUsd") if given[name] not in (None, False)]
        if given["draft"] and ordered:
            problem = (
                f"A draft gets its judge on the page of its plan. Leave {ordered[0]} out, or start at once."
            )
            raise serializers.ValidationError({ordered[0]: problem})
        if given["judge"] is False and given["judgeBudgetUsd"] is not None:
            problem = "Without the judge there is nothing to spend. Leave it out, or send judge: true."
            raise serializers.ValidationError({"judgeBudgetUsd": problem})
        return given


class BatchChangeBody(StrictSerializer):
    """Either one verb, `retry_failed` with the items that it concerns, `resume` with a raised budget, or new settings."""

    action = serializers.CharField(required=False)
    errorKind = serializers.CharField(max_length=30, required=False)
    itemIds = serializers.ListField(child=serializers.UUIDField(), max_length=LARGEST_PLAN, required=False)
    concurrentProcessing = ConcurrencyField(required=False)
    priority = serializers.ChoiceField(choices=PRIORITY_WORDS, required=False)
    budgetUsd = serializers.DecimalField(max_digits=18, decimal_places=9, min_value=0, required=False)

    def validate_errorKind(self, value: str) -> str:
        if value not in ERRORS:
            raise serializers.ValidationError(
                f"There is no error kind {value!r}. Choose one of: {', '.join(ERRORS)}."
            )
        return value

    def validate_itemIds(self, value: list[Any]) -> list[Any]:
        if not value:
            raise serializers.ValidationError(EMPTY)
        return value

    def validate_action(self, value: str) -> str:
        if value not in ACTIONS:
            raise serializers.ValidationError(f"Choose one of: {', '.join(ACTIONS)}.")
        return value

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        action = given.get("action")
        if not given:
            raise serializers.ValidationError({"action": f"Choose one of: {', '.join(ACTIONS)}."})
        allowed = {None: SETTINGS, "retry_failed": RETRY, "resume": RESUME}.get(action, ("action",))
        wrong = [name for name in given if name not in allowed]
        if wrong:
            what = f"with the action {action}" if action else "without the action retry_failed"
            raise serializers.ValidationError(dict.fromkeys(wrong, f"This field is not allowed {what}."))
        return given


class CopyBody(StrictSerializer):
    """The settings that differ from the batch that is copied."""

    name = serializers.CharField(max_length=LONGEST_NAME, required=False)
    concurrentProcessing = ConcurrencyField(required=False)
    errorHandling = serializers.ChoiceField(choices=ErrorHandling.choices, required=False)
    priority = serializers.ChoiceField(choices=PRIORITY_WORDS, required=False)
    budgetUsd = serializers.DecimalField(max_digits=18, decimal_places=9, min_value=0, required=False)


class JobsQuery(PageQuery):
    status = serializers.ChoiceField(choices=["active", *JobStatus.values], default="")
    ordering = OrderingField(
        {**BY_CREATION, "priority": ("priority", "created_at", "id"), "name": ("name", "id")}
    )
