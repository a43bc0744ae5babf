"""The yield: how many of the conversations that were asked for were made, passed the checks and were approved, and the cost.

Numbers are grouped by template version, tier and model, with one query per table. Each conversation counts once, as its newest
version. Money comes from the log of calls, so that failed items, repeated calls and regenerations are in it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any, NamedTuple, Self
from uuid import UUID

from django.db import connection
from django.db.models import Case, Count, F, Q, Sum, When

from batches.limits.pools import DEMO_POOL
from batches.models import GenerationLog
from batches.models.states import ItemKind, ItemStatus, LogState
from claude.current_models import UnknownModel, find_card
from conversations.models import Conversation, Decision
from conversations.quality import KINDS
from conversations.states import AWAITING_REVIEW, ReasonCode, Status
from templates_app.models import TemplateVersion
from templates_app.states import Tier
from workspaces.models import User

NO_REASON = ""
COUNT_REASONS = """
SELECT version, reason, count(*)
  -- each conversation once, also when several of its versions were sent back for the same reason; count(DISTINCT root) would
  -- sort by the words of the reasons, which takes longer than all the rest
  FROM (SELECT DISTINCT root, version, reason
          FROM ({last}) AS last (version, root, reasons)
         CROSS JOIN LATERAL unnest(CASE WHEN reasons = '{{}}' THEN '{{""}}' ELSE reasons END) AS reason) AS told
 GROUP BY version, reason
"""
_HARD_FLAG = reduce(or_, (Q(flags__contains=[{"kind": each.name}]) for each in KINDS.values() if each.hard))
# Approved ones are valid whatever the rules say, so that no stage is larger than the one before.
_VALID = Q(status=Status.APPROVED) | (
    Q(quality_score__gte=F("workspace__revision_below")) & (Q(flag_count=0) | ~_HARD_FLAG)
)
_OWN, _ANEW = Q(item__kind=ItemKind.GENERATE), Q(item__kind=ItemKind.REGENERATE)
_LOST = Q(item__status__in=[ItemStatus.FAILED, ItemStatus.CANCELLED])
# An item has many calls; its current one stands for it, so that each item is counted once.
_ENDED = _OWN & Q(item__current_log=F("pk"), item__status__in=[ItemStatus.COMPLETED, ItemStatus.FAILED])
_NO = [Status.REJECTED, Status.NEEDS_REVISION]
# A version that another one has followed is archived; what was decided about it stands.
_VERDICT = Case(
    When(conversation__status=Status.ARCHIVED, then=F("conversation__status_before_archive")),
    default=F("conversation__status"),
)
_CONVERSATIONS: Mapping[str, Any] = {
    "generated": Count("pk"),
    "valid": Count("pk", filter=_VALID),
    "approved": Count("pk", filter=Q(status=Status.APPROVED)),
    "rejected": Count("pk", filter=Q(status=Status.REJECTED)),
    "sent_back": Count("pk", filter=Q(status=Status.NEEDS_REVISION, decided_at__isnull=False)),
    "waiting": Count("pk", filter=Q(status__in=sorted(AWAITING_REVIEW), decided_at__isnull=True)),
}
_CALLS: Mapping[str, Any] = {
    "asked": Count("pk", filter=_ENDED),
    "failed": Count("pk", filter=_ENDED & Q(item__status=ItemStatus.FAILED)),
    "cost": Sum("cost_usd", default=Decimal(0)),
    "failed_cost": Sum("cost_usd", filter=_OWN & _LOST, default=Decimal(0)),
    "repeated_cost": Sum(
        "cost_usd",
        filter=_OWN & ~_LOST & ~Q(state__in=[LogState.SUCCEEDED, LogState.PENDING]),
        default=Decimal(0),
    ),
    "regeneration_cost": Sum("cost_usd", filter=_ANEW, default=Decimal(0)),
}


class Kind(NamedTuple):
    """What conversations have in common that are counted together."""

    version: UUID
    tier: str
    model: str


@dataclass(kw_only=True)
class Yield:
    """Numbers of conversations, and amounts in USD.

    `asked`: items that ended with a conversation or failed. `generated`: conversations that are there, of which `valid` have no
    hard flag and no score below the workspace's threshold for revision, or were approved. `cost` is the whole; of it `failed_cost` went into items without a
    conversation, `repeated_cost` into calls of the other items that gave none, `regeneration_cost` into new versions.
    """

    asked: int = 0
    failed: int = 0
    generated: int = 0
    valid: int = 0
    approved: int = 0
    rejected: int = 0
    sent_back: int = 0
    waiting: int = 0
    cost: Decimal = Decimal(0)
    failed_cost: Decimal = Decimal(0)
    repeated_cost: Decimal = Decimal(0)
    regeneration_cost: Decimal = Decimal(0)

    @property
    def cost_per_approved(self) -> Decimal | None:
        """The whole cost by the approved conversations, in USD; None as long as none is approved."""
        return (self.cost / self.approved).quantize(Decimal("0.000001")) if self.approved else None

    @property
    def approved_share(self) -> float | None:
        """Approved by generated ones, from 0 to 1; None when there are none."""
        return self.approved / self.generated if self.generated else None

    def add(self, numbers: Mapping[str, Any]) -> None:
        for name, number in numbers.items():
            setattr(self, name, getattr(self, name) + number)

    @classmethod
    def add_up(cls, parts: Iterable[Self]) -> Self:
        total = cls()
        for part in parts:
            total.add({each.name: getattr(part, each.name) for each in fields(cls)})
        return total


@dataclass(frozen=True, kw_only=True)
class Line:
    """The yield of one template version, tier or model. `version` with its template for the first, else None.

    `reasons`: why its conversations were rejected or sent back: the label, and how many conversations; most frequent first.
    """

    name: str
    numbers: Yield
    version: TemplateVersion | None = None
    reasons: list[tuple[str, int]] = field(default_factory=list)


class YieldReport:
    """The yield of what a person may see, of real or of simulated replies, of all templates or of one."""

    def __init__(self, user: User, *, simulated: bool, template: UUID | None = None) -> None:
        self._user, self._simulated, self._template = user, simulated, template
        self._kinds: dict[Kind, Yield] = defaultdict(Yield)
        for row in (*self.query_conversations(), *self.query_calls()):
            key = Kind(row.pop("template_version"), row.pop("tier"), _name_model(row.pop("model")))
            self._kinds[key].add(row)

    @property
    def total(self) -> Yield:
        return Yield.add_up(self._kinds.values())

    def by_template(self) -> list[Line]:
        """A line for each template version with its reasons, by template, the newest version first. Two queries."""
        numbers = self._group(lambda kind: str(kind.version))
        reasons = self._find_reasons()
        rows = TemplateVersion.objects.filter(pk__in=numbers).select_related("template")
        versions = rows.only("number", "template__name", "template__tier").order_by(
            "template__name", "template", "-number"
        )
        return [
            Line(
                name=f"{each.template.name}, version {each.number}",
                numbers=numbers[str(each.pk)],
                version=each,
                reasons=reasons.get(each.pk, []),
            )
            for each in versions
        ]

    def by_tier(self) -> list[Line]:
        numbers = self._group(lambda kind: kind.tier)
        return [Line(name=tier, numbers=numbers[tier]) for tier in Tier.values if tier in numbers]

    def by_model(self) -> list[Line]:
        numbers = self._group(lambda kind: kind.model)
        return [Line(name=model, numbers=numbers[model]) for model in sorted(numbers)]

    def _group(self, name_of: Callable[[Kind], str]) -> dict[str, Yield]:
        groups: dict[str, list[Yield]] = defaultdict(list)
        for kind, numbers in self._kinds.items():
            groups[name_of(kind)].append(numbers)
        return {name: Yield.add_up(parts) for name, parts in groups.items()}

    # --- one query per table ---------------------------------------------------------------------------------

    def query_conversations(self) -> Any:
        """The newest version of each conversation that was made from a template."""
        rows = (
            Conversation.objects.visible_to(self._user)
            .heads()
            .filter(simulated=self._simulated, turn_count__gt=0)
        )
        return self._choose(rows).values("template_version", "tier", "model").annotate(**_CONVERSATIONS)

    def query_calls(self) -> Any:
        """The calls for conversations. Those of judgements have no template version."""
        demo = Q(pool__startswith=DEMO_POOL)
        rows = GenerationLog.objects.visible_to(self._user).filter(demo if self._simulated else ~demo)
        return self._choose(rows).values("template_version", "tier", "model").annotate(**_CALLS)

    def query_reasons(self) -> Any:
        """Of each version that is rejected or sent back now, the last decision that said so: template version, root, reasons."""
        rows = Decision.objects.visible_to(self._user).filter(
            to_status=_VERDICT, to_status__in=_NO, undoes=None, conversation__simulated=self._simulated
        )
        last = (
            self._choose(rows, "conversation__")
            .order_by("conversation", "-revision")
            .distinct("conversation")
        )
        return last.values_list("conversation__template_version", "conversation__root", "reasons")

    def count_reasons(self) -> list[tuple[UUID, str, int]]:
        """By template version and reason: how many conversations. One without a reason counts under `NO_REASON`."""
        last, values = self.query_reasons().query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(COUNT_REASONS.format(last=last), values)
            found: list[tuple[UUID, str, int]] = cursor.fetchall()
        return found

    def _choose(self, rows: Any, path: str = "") -> Any:
        rows = rows.filter(**{f"{path}template_version__isnull": False}).order_by()
        return (
            rows.filter(**{f"{path}template_version__template": self._template}) if self._template else rows
        )

    def _find_reasons(self) -> dict[UUID, list[tuple[str, int]]]:
        labels = {**dict(ReasonCode.choices), NO_REASON: "No reason given"}
        found: dict[UUID, list[tuple[str, int]]] = defaultdict(list)
        for version, reason, count in self.count_reasons():
            found[version].append((labels.get(reason, reason), count))
        return {version: sorted(each, key=lambda one: (-one[1], one[0])) for version, each in found.items()}


def _name_model(name: str) -> str:
    """Its id. A reply may name a dated model where an alias was asked for."""
    try:
        return find_card(name).id
    except UnknownModel:
        return name
