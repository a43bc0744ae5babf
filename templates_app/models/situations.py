"""What a plan is made of beside templates: scenarios, edge cases, and the words to choose from."""

import hashlib
import json
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from lib.stale_state import StaleState
from templates_app.states import LONGEST_TOPIC, Tier
from workspaces.audit import record
from workspaces.models import OwnedModel, User, WorkspaceQuerySet
from workspaces.states import Action, TargetKind


class UsableQuerySet(WorkspaceQuerySet):
    def usable(self) -> Self:
        """Those that a plan may use: not archived."""
        return self.filter(archived_at=None)


class PlanRow(OwnedModel):
    """A row that plans are made of. It is never deleted but archived, and may have come from a starter pack."""

    # What a row says; what a pack brings, and what a person's change is told by.
    SAYS: ClassVar[tuple[str, ...]]
    noun: ClassVar[str]
    audited_as: ClassVar[TargetKind]

    pack = models.CharField(max_length=100, blank=True, help_text="The starter pack that it came from.")
    pack_key = models.CharField(max_length=600, blank=True, help_text="What the pack calls it, for ever.")
    pack_print = models.CharField(
        max_length=64, blank=True, help_text="What it said when the pack brought it."
    )
    position = models.PositiveIntegerField(default=0, help_text="Its place in a plan, smaller first.")
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def archive(self, *, by: User | None) -> None:
        """No new plan uses it; what was made from it stays. Raises StaleState."""
        self._set_archived(timezone.now(), by=by, verb="archived")

    def restore(self, *, by: User | None) -> None:
        """Plans may use it again. Raises StaleState."""
        self._set_archived(None, by=by, verb="restored")

    @transaction.atomic
    def _set_archived(self, moment: datetime | None, *, by: User | None, verb: str) -> None:
        rows = type(self)._default_manager.filter(pk=self.pk, archived_at__isnull=moment is not None)
        if not rows.update(archived_at=moment):
            raise StaleState(self.noun, verb=verb, status="archived" if moment else "in use")
        self.archived_at = moment
        action = Action.ARCHIVE if moment else Action.RESTORE
        record(action=action, kind=self.audited_as, target=self, by=by)

    def fingerprint(self) -> str:
        """Of what it says: sha256 of the fields `SAYS`."""
        said = {name: getattr(self, name) for name in self.SAYS}
        return hashlib.sha256(json.dumps(said, sort_keys=True, default=_written).encode()).hexdigest()

    @property
    def is_as_its_pack_made_it(self) -> bool:
        return self.pack_print == self.fingerprint()


def _written(value: Any) -> str:
    """Of what JSON does not know; 1 and 1.000 are one number."""
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def once_in_a_pack() -> models.UniqueConstraint:
    fields = ["workspace", "pack", "pack_key"]
    return models.UniqueConstraint(fields=fields, condition=~Q(pack_key=""), name="%(class)s_pack_key_once")


class SituationQuerySet(UsableQuerySet):
    def tagged(self, tags: list[str]) -> Self:
        """Those that carry at least one of the tags; all of them when no tag is given."""
        return self.filter(tags__overlap=tags) if tags else self


class Situation(PlanRow):
    """A situation that a conversation is to be about. Its texts fill the template's variables of the same names."""

    # The columns that are a template's values, in the order of forms and files.
    VALUES: ClassVar[tuple[str, ...]] = (
        *("persona", "emotion", "topic", "intent", "tone", "context", "expected_behaviour"),
    )
    SAYS = ("name", *VALUES, "tags", "parameters", "template_id", "position")

    name = models.CharField(max_length=200)
    persona = models.CharField(max_length=200, blank=True)
    emotion = models.CharField(max_length=200, blank=True)
    topic = models.CharField(max_length=LONGEST_TOPIC)
    intent = models.CharField(max_length=200, blank=True)
    tone = models.CharField(max_length=200, blank=True)
    context = models.TextField(blank=True)
    expected_behaviour = models.TextField(blank=True)
    tags = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    parameters = models.JSONField(
        default=dict, blank=True, help_text="Values of the template's other variables."
    )
    template = models.ForeignKey(
        "templates_app.PromptTemplate",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: the newest template of its tier.",
    )

    objects: ClassVar[SituationQuerySet] = SituationQuerySet.as_manager()  # type: ignore[assignment]

    tier: ClassVar[Tier]

    class Meta:
        abstract = True
        ordering = ["position", "name"]
        constraints = [
            models.UniqueConstraint("workspace", Lower("name"), name="%(class)s_name_once"),
            models.CheckConstraint(condition=~Q(name=""), name="%(class)s_name"),
            models.CheckConstraint(condition=~Q(topic=""), name="%(class)s_topic"),
            once_in_a_pack(),
        ]
        indexes = [GinIndex(fields=["tags"], name="%(class)s_tags")]

    def __str__(self) -> str:
        return self.name

    def values(self) -> dict[str, Any]:
        """What it fills a template's variables with: its own texts that are not empty, and its other parameters."""
        own = {name: getattr(self, name) for name in self.VALUES}
        return {**self.parameters, **{name: value for name, value in own.items() if value}}


class Scenario(Situation):
    """A real-world situation, tier `scenario`."""

    tier = Tier.SCENARIO
    noun = "scenario"
    audited_as = TargetKind.SCENARIO

    class Meta(Situation.Meta):
        db_table = "scenarios"


class EdgeCase(Situation):
    """A boundary condition, tier `edge_case`; `expected_behaviour` is what the assistant must and must not do."""

    tier = Tier.EDGE_CASE
    noun = "edge case"
    audited_as = TargetKind.EDGE_CASE

    class Meta(Situation.Meta):
        db_table = "edge_cases"


class OptionKind(models.TextChoices):
    PERSONA = "persona"
    EMOTION = "emotion"
    INTENT = "intent"
    TONE = "tone"
    TOPIC = "topic"


class Option(PlanRow):
    """One word of an option list. The lists of a workspace are its options of each kind."""

    SAYS = ("kind", "name", "description", "weight", "position")
    noun = "option"
    audited_as = TargetKind.OPTION

    kind = models.CharField(max_length=10, choices=OptionKind.choices)
    name = models.CharField(max_length=500, help_text="What fills the variable, as it is written here.")
    description = models.TextField(blank=True, help_text="Reaches the prompt with the word.")
    weight = models.DecimalField(
        max_digits=8,
        decimal_places=3,
        default=Decimal(1),
        help_text="How often a plan draws it, beside the others of its list. 0: only when it is named.",
    )

    objects: ClassVar[UsableQuerySet] = UsableQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "options"
        ordering = ["kind", "position", "name"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "kind", "name"], name="option_once"),
            models.CheckConstraint(condition=Q(kind__in=OptionKind.values), name="option_kind"),
            models.CheckConstraint(condition=Q(weight__gte=0), name="option_weight"),
            models.CheckConstraint(condition=~Q(name=""), name="option_name"),
            once_in_a_pack(),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def weight_text(self) -> str:
        """As people write it: `1`, `2.5`."""
        return _written(self.weight)
