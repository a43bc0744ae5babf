"""The library: scenarios, edge cases and options, from which plans are made together with templates."""

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

from lib.amounts import format_number
from lib.stale_state import StaleState
from templates_app.states import LONGEST_TOPIC, Tier
from templates_app.text.content import SITUATION_NAMES
from workspaces.audit import record
from workspaces.models import OwnedModel, User, WorkspaceQuerySet
from workspaces.states import Action, TargetKind


class UsableQuerySet(WorkspaceQuerySet):
    def usable(self) -> Self:
        """The entries that a plan may use: those that are not archived."""
        return self.filter(archived_at=None)


class LibraryEntry(OwnedModel):
    """A scenario, an edge case or an option. It is archived instead of deleted, and may come from a starter pack."""

    # The fields that hold what the entry says. A pack sets them; a change in them shows that a person has edited it.
    CONTENT_FIELDS: ClassVar[tuple[str, ...]]
    noun: ClassVar[str]
    audited_as: ClassVar[TargetKind]

    pack = models.CharField(max_length=100, blank=True, help_text="The starter pack that it came from.")
    pack_key = models.CharField(
        max_length=600, blank=True, help_text="Its name in the pack, which never changes."
    )
    pack_print = models.CharField(
        max_length=64, blank=True, help_text="The fingerprint of what the pack installed."
    )
    position = models.PositiveIntegerField(
        default=0, help_text="Its place in a plan; smaller numbers come first."
    )
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def archive(self, *, by: User | None) -> None:
        """Take it out of new plans. Conversations that were made from it stay. Raises StaleState."""
        self._set_archived(timezone.now(), by=by, verb="archived")

    def restore(self, *, by: User | None) -> None:
        """Allow plans to use it again. Raises StaleState."""
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
        """The SHA-256 of its `CONTENT_FIELDS`."""
        content = {name: getattr(self, name) for name in self.CONTENT_FIELDS}
        return hashlib.sha256(
            json.dumps(content, sort_keys=True, default=_format_number).encode()
        ).hexdigest()

    @property
    def is_unchanged_since_its_pack(self) -> bool:
        return self.pack_print == self.fingerprint()


def _format_number(value: Any) -> str:
    """Text for what JSON does not know. 1 and 1.000 give the same text."""
    return format_number(value) if isinstance(value, Decimal) else str(value)


def make_pack_key_constraint() -> models.UniqueConstraint:
    fields = ["workspace", "pack", "pack_key"]
    return models.UniqueConstraint(fields=fields, condition=~Q(pack_key=""), name="%(class)s_pack_key_once")


class SituationQuerySet(UsableQuerySet):
    def tagged(self, tags: list[str]) -> Self:
        """The entries that have at least one of the tags; all entries when no tag is given."""
        return self.filter(tags__overlap=tags) if tags else self


class Situation(LibraryEntry):
    """What a conversation is to be about. Its texts fill the template's variables of the same names."""

    # The columns that fill variables, in the order of forms and files.
    VALUES: ClassVar[tuple[str, ...]] = SITUATION_NAMES
    CONTENT_FIELDS = ("name", *VALUES, "tags", "parameters", "template_id", "position")

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
        help_text="If empty, the newest template of its tier is used.",
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
            make_pack_key_constraint(),
        ]
        indexes = [GinIndex(fields=["tags"], name="%(class)s_tags")]

    def __str__(self) -> str:
        return self.name

    def values(self) -> dict[str, Any]:
        """The values for a template's variables: the texts that are not empty, and the other parameters."""
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


class Option(LibraryEntry):
    """One choice of an option list. A workspace has one list for each kind."""

    CONTENT_FIELDS = ("kind", "name", "description", "weight", "position")
    noun = "option"
    audited_as = TargetKind.OPTION

    kind = models.CharField(max_length=10, choices=OptionKind.choices)
    name = models.CharField(max_length=500, help_text="This text fills the variable exactly as written.")
    description = models.TextField(
        blank=True, help_text="It is added to the prompt when this option is chosen."
    )
    weight = models.DecimalField(
        max_digits=8,
        decimal_places=3,
        default=Decimal(1),
        help_text="How often a plan draws it, relative to the others of its list. With 0 it is used only when named.",
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
            make_pack_key_constraint(),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def weight_text(self) -> str:
        """The weight without needless zeros: `1`, `2.5`."""
        return _format_number(self.weight)
