"""Prompt templates and their versions. A published version never changes, because conversations refer to it."""

import copy
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, Self

from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from lib.stale_state import StaleState
from templates_app.states import Tier
from templates_app.text.content import Content, find_used_names, lint
from templates_app.text.rendering import Variable, add_turn_range, render
from templates_app.text.syntax import NEWEST
from workspaces.audit import record
from workspaces.models import OwnedModel, User, WorkspaceQuerySet
from workspaces.states import Action, TargetKind


class NotPublishable(ValueError):
    """The version has errors that keep it from being published; the message names all of them."""


class PromptTemplateQuerySet(WorkspaceQuerySet):
    def usable(self) -> Self:
        """Templates that a plan may use: not archived, with a published version."""
        return self.filter(archived_at=None, versions__published_at__isnull=False).distinct()


class PromptTemplate(OwnedModel):
    name = models.CharField(max_length=200)
    tier = models.CharField(max_length=10, choices=Tier.choices)
    pack = models.CharField(
        max_length=100, blank=True, help_text="The starter pack that this template came from."
    )
    pack_key = models.CharField(
        max_length=200, blank=True, help_text="Its name in the pack, which never changes."
    )
    archived_at = models.DateTimeField(null=True, blank=True)
    diversity = models.BooleanField(
        default=True,
        db_default=True,
        help_text="Plans may add drawn details (setting, register, length, opening, obstacle) to its prompts.",
    )

    objects: ClassVar[PromptTemplateQuerySet] = PromptTemplateQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["tier", "name"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="template_name_once"),
            models.CheckConstraint(condition=Q(tier__in=Tier.values), name="template_tier"),
            models.UniqueConstraint(
                fields=["workspace", "pack", "pack_key"],
                condition=~Q(pack_key=""),
                name="prompttemplate_pack_key_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def published_version(self) -> "TemplateVersion | None":
        """The newest published version, which new plans use."""
        return self.versions.filter(published_at__isnull=False).order_by("-number").first()

    def newest_version(self) -> "TemplateVersion | None":
        """The version with the highest number, published or not."""
        return self.versions.order_by("-number").first()

    def archive(self, *, by: User | None) -> None:
        """Take it out of new plans. Conversations that were made from it stay. Raises StaleState."""
        self._set_archived(timezone.now(), by=by, verb="archived")

    def restore(self, *, by: User | None) -> None:
        """Allow plans to use it again. Raises StaleState."""
        self._set_archived(None, by=by, verb="restored")

    @transaction.atomic
    def allow_diversity(self, on: bool, *, by: User | None) -> None:
        """Set whether plans may add drawn details to its prompts."""
        if PromptTemplate.objects.filter(pk=self.pk, diversity=not on).update(diversity=on):
            before, after = {"diversity": not on}, {"diversity": on}
            record(
                action=Action.CHANGE, kind=TargetKind.TEMPLATE, target=self, by=by, before=before, after=after
            )
        self.diversity = on

    @transaction.atomic
    def _set_archived(self, moment: datetime | None, *, by: User | None, verb: str) -> None:
        rows = PromptTemplate.objects.filter(pk=self.pk, archived_at__isnull=moment is not None)
        if not rows.update(archived_at=moment):
            raise StaleState("template", verb=verb, status="archived" if moment else "in use")
        self.archived_at = moment
        action = Action.ARCHIVE if moment else Action.RESTORE
        record(action=action, kind=TargetKind.TEMPLATE, target=self, by=by)


class TemplateVersion(OwnedModel):
    template = models.ForeignKey(PromptTemplate, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    text = models.TextField()
    system_prompt = models.TextField(
        blank=True, help_text="Sent to the model that writes the conversation. It is never exported."
    )
    training_system_prompt = models.TextField(
        blank=True, help_text="The system message of exported conversations."
    )
    variables = models.JSONField(default=list, help_text="A list of typed variables.")
    language = models.CharField(max_length=10, default="en")
    model = models.CharField(max_length=100, blank=True, help_text="Overrides the model of the job.")
    turns_min = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="The fewest turns that the prompt asks for."
    )
    turns_max = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="The most turns that the prompt asks for."
    )
    syntax = models.PositiveSmallIntegerField(
        default=NEWEST,
        db_default=NEWEST,
        help_text="How its texts are read: 1 without sections and escapes, 2 with.",
    )
    note = models.TextField(blank=True)
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["template", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["template", "number"], name="version_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="version_number"),
            models.CheckConstraint(
                condition=Q(turns_min=None) | Q(turns_max=None) | Q(turns_min__lte=F("turns_max")),
                name="version_turns",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template.name} v{self.number}"

    @property
    def variable_names(self) -> frozenset[str]:
        """The names that its texts are filled with."""
        return frozenset(str(each["name"]) for each in self.variables)

    def typed_variables(self) -> tuple[Variable, ...]:
        """The variables as objects, cached because a plan asks for them 10,000 times. Raises VariableError.

        One that no text uses is never required, so that it keeps no plan from starting.
        """
        made_from = (self.variables, self.text, self.system_prompt)
        known: tuple[Any, tuple[Variable, ...]] | None = self.__dict__.get("_typed")
        if known is None or known[0] != made_from:
            used = set(find_used_names(self.content()))
            typed = tuple(Variable.from_dict(each) for each in self.variables)
            typed = tuple(each if each.name in used else replace(each, required=False) for each in typed)
            known = self.__dict__["_typed"] = (copy.deepcopy(made_from), typed)
        return known[1]

    def content(self) -> Content:
        """Everything that publishing freezes, except the number and the note."""
        return Content(
            text=self.text,
            system_prompt=self.system_prompt,
            training_system_prompt=self.training_system_prompt,
            variables=self.variables,
            language=self.language,
            model=self.model,
            turns_min=self.turns_min,
            turns_max=self.turns_max,
            syntax=self.syntax,
        )

    def prompt(self, values: Mapping[str, Any]) -> str:
        """The text filled with resolved values, and the line about its turns. Raises ValuesError, TemplateSyntax."""
        return add_turn_range(render(self.text, values, syntax=self.syntax), self.turns_min, self.turns_max)

    def filled_system_prompt(self, values: Mapping[str, Any]) -> str:
        """The system prompt filled with resolved values. Raises ValuesError, TemplateSyntax."""
        return render(self.system_prompt, values, syntax=self.syntax)

    def accepts_turns(self, count: int) -> bool:
        """Whether a conversation of so many turns is in the range that the prompt asks for."""
        lowest, highest = self.turns_min or 0, self.turns_max
        return lowest <= count and (highest is None or count <= highest)

    @property
    def is_draft(self) -> bool:
        return self.published_at is None

    @transaction.atomic
    def publish(
        self,
        *,
        by: User | None,
        note: str | None = None,
        back_to: int | None = None,
        keep: Collection[str] = (),
    ) -> None:
        """Publish it: new plans use it from now on, and it cannot be changed. Raises StaleState, NotPublishable.

        Variables that no text uses are removed, except those to `keep`, which are no longer required. `back_to` is the
        number of the version whose content it has again, for the audit log.
        """
        self.note = self.note if note is None else note.strip()
        if problems := self.problems():
            raise NotPublishable(f"{self}: {'; '.join(problems)}")
        now = timezone.now()
        rows = TemplateVersion.objects.filter(pk=self.pk, published_at=None)
        variables = list(self.content().drop_unused(keep=keep).variables)
        if not rows.update(published_at=now, note=self.note, variables=variables):
            raise StaleState("template version", verb="published", status="published")
        self.published_at, self.variables = now, variables
        action, back = (Action.PUBLISH, {}) if back_to is None else (Action.ROLL_BACK, {"back_to": back_to})
        after = {"version": self.number, **back}
        record(action=action, kind=TargetKind.TEMPLATE, target=self.template, by=by, after=after)

    def problems(self) -> list[str]:
        """Every reason why it cannot be published."""
        found = [] if self.note.strip() else ["it needs a note that says what is new"]
        return found + [each.message for each in lint(self.content()) if each.level == "error"]
