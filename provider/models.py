"""The model table: what each model accepts and costs, the versions of the table, and the checks of a server."""

from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from lib import clock
from provider import billed
from provider.states import NEEDS_THINKING, QUIET_THINKING, Effort, Lifecycle, Thinking
from workspaces.models import OWN_KEY, ClockTimestamp, TimestampedModel, Workspace

# Per million tokens. A cost has nine decimal places, so a price with three never needs rounding.
RATE: dict[str, Any] = {
    "max_digits": 12,
    "decimal_places": 3,
    "default": Decimal(0),
    "validators": [MinValueValidator(Decimal(0))],
}
RATES = ("input", "output", "cache_write_5m", "cache_write_1h", "cache_read")
BATCH_RATES = ("batch_input", "batch_output")
A_NAME = RegexValidator(r"\A[^\s\x00]+\Z", "Write the name as the server knows it, without spaces.")
LARGEST_WINDOW = 100_000_000


def make_window_field(help_text: str) -> Any:
    return models.PositiveIntegerField(
        help_text=help_text, validators=[MinValueValidator(1), MaxValueValidator(LARGEST_WINDOW)]
    )


class LanguageModel(TimestampedModel):
    """One model and what it accepts.

    `shipped` holds the values that the product installed last. An update of the product changes the fields that still
    have these values, and leaves those that somebody has changed.
    """

    name = models.CharField(max_length=100, unique=True, validators=[A_NAME])
    aliases = ArrayField(
        models.CharField(max_length=100, validators=[A_NAME]),
        default=list,
        blank=True,
        help_text="Other names of the same model, separated by commas.",
    )
    pool = models.CharField(
        max_length=60,
        blank=True,
        validators=[A_NAME],
        help_text="Models of one pool share their rate limits. If empty, the model has a pool of its own.",
    )
    position = models.PositiveIntegerField(
        default=1000, help_text="Its place in lists; smaller numbers come first."
    )
    lifecycle = models.CharField(max_length=12, choices=Lifecycle.choices, default=Lifecycle.ACTIVE)
    retires = models.DateField(
        "retires on", null=True, blank=True, help_text="It is not called from this day on (UTC)."
    )
    successor = models.CharField(max_length=100, blank=True, help_text="The model to use instead.")
    no_successor = models.BooleanField("has no successor", default=False)
    context = make_window_field("The most tokens of a prompt.")
    max_output = make_window_field("The most tokens of a reply.")
    structured_outputs = models.BooleanField(
        default=False, help_text="If off, the prompt describes the form of the reply in words."
    )
    counts_tokens = models.BooleanField(default=False, help_text="The server has count_tokens for it.")
    takes_temperature = models.BooleanField(
        default=False, help_text="If on, ANTHROPIC_TEMPERATURE is sent, with the API version 2023-06-01."
    )
    accepts_forced_tool = models.BooleanField(default=True)
    thinking_modes = ArrayField(
        models.CharField(max_length=20, choices=Thinking.choices),
        default=list,
        blank=True,
        help_text="What it does not refuse.",
    )
    thinking = models.CharField(
        "thinking sent",
        max_length=20,
        choices=Thinking.choices,
        blank=True,
        help_text="If empty, none is sent.",
    )
    effort_levels = ArrayField(
        models.CharField(max_length=10, choices=Effort.choices),
        default=list,
        blank=True,
        help_text="What it does not refuse.",
    )
    effort = models.CharField(
        "effort sent",
        max_length=10,
        choices=Effort.choices,
        blank=True,
        help_text="If empty, none is sent.",
    )
    min_cache_tokens = models.PositiveIntegerField(
        "minimum cacheable prefix", default=1024, help_text="In tokens. A shorter prefix is never cached."
    )
    shipped = models.JSONField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "language_models"
        verbose_name = "model"
        ordering = ("position", "name")
        constraints = [
            models.CheckConstraint(condition=Q(lifecycle__in=Lifecycle.values), name="model_lifecycle"),
            models.CheckConstraint(condition=Q(max_output__lte=models.F("context")), name="model_window"),
            models.CheckConstraint(
                condition=Q(successor="") | Q(no_successor=False), name="model_one_word_on_successor"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)

    def clean(self) -> None:
        """Report every problem at once, each at its field."""
        self.pool = self.pool or self.name[:60]
        wrong = {**self._wrong_names(), **self._wrong_end(), **self._wrong_request()}
        if self.context and self.max_output and self.max_output > self.context:
            wrong["max_output"] = "A reply cannot be longer than the context."
        if wrong:
            raise ValidationError(wrong)

    def _wrong_names(self) -> dict[str, str]:
        others = LanguageModel.objects.exclude(pk=self.pk)
        for name in self.names:
            taken = others.filter(Q(name=name) | Q(aliases__contains=[name])).first()
            if taken is not None:
                return {
                    "aliases"
                    if name in self.aliases
                    else "name": f"{name} is already a name of {taken.name}."
                }
        return {}

    def _wrong_end(self) -> dict[str, str]:
        ends = self.lifecycle == Lifecycle.RETIRED or self.retires is not None
        if self.successor and self.no_successor:
            return {"no_successor": "Either name a successor or tick that there is none, not both."}
        if ends and not (self.successor or self.no_successor):
            return {"successor": "Name the model to use instead, or tick that there is none."}
        if not self.successor:
            return {}
        if self.successor in self.names:
            return {"successor": "A model cannot succeed itself."}
        known = LanguageModel.objects.filter(
            Q(name=self.successor) | Q(aliases__contains=[self.successor])
        ).first()
        if known is None:
            return {"successor": f"{self.successor} is not in this table. Add it first."}
        if known.lifecycle == Lifecycle.RETIRED:
            return {"successor": f"{self.successor} is retired itself."}
        return {}

    def _wrong_request(self) -> dict[str, str]:
        wrong = {}
        if self.thinking and self.thinking not in self.thinking_modes:
            wrong["thinking"] = f"It does not take {self.thinking} (see thinking modes)."
        if self.effort and self.effort not in self.effort_levels:
            wrong["effort"] = f"It does not take {self.effort} (see effort levels)."
        elif self.thinking in QUIET_THINKING and self.effort in NEEDS_THINKING:
            wrong["effort"] = f"{self.effort} needs thinking; without it the highest is high."
        return wrong


class ModelPrice(TimestampedModel):
    """US dollars per million tokens from a day on. A price that calls were billed by is replaced by a later one."""

    model = models.ForeignKey(LanguageModel, on_delete=models.CASCADE, related_name="prices")
    valid_from = models.DateField(help_text="The first day (UTC) on which calls cost this.")
    above_prompt_tokens = models.PositiveIntegerField(
        default=0,
        help_text="The price is for prompts of more tokens than this. With 0 it is for every prompt.",
    )
    free = models.BooleanField(
        "costs nothing",
        default=False,
        help_text="Tick this for a server of your own. Prices of zero alone are refused.",
    )
    input = models.DecimalField(**RATE)
    output = models.DecimalField(**RATE)
    cache_write_5m = models.DecimalField("cache write, 5 minutes", **RATE)
    cache_write_1h = models.DecimalField("cache write, 1 hour", **RATE)
    cache_read = models.DecimalField(**RATE)
    batch_input = models.DecimalField(**{**RATE, "default": None}, null=True, blank=True)
    batch_output = models.DecimalField(**{**RATE, "default": None}, null=True, blank=True)

    class Meta:
        db_table = "model_prices"
        verbose_name = "price"
        ordering = ("model__position", "model__name", "-valid_from", "above_prompt_tokens")
        constraints = [
            models.UniqueConstraint(
                fields=["model", "valid_from", "above_prompt_tokens"],
                name="model_price_once",
                violation_error_message="This model has a price from that day and prompt size on already. "
                "Choose another day.",
            ),
            models.CheckConstraint(
                condition=Q(free=True, **dict.fromkeys(RATES, 0)) | Q(free=False, input__gt=0, output__gt=0),
                name="model_price_free_or_dear",
                violation_error_message="Zero alone is no price: tick “costs nothing” and leave every price 0, or give an "
                "input and an output price above 0.",
            ),
        ]

    def __str__(self) -> str:
        step = f", prompts above {self.above_prompt_tokens:,} tokens" if self.above_prompt_tokens else ""
        return f"{self.model.name} from {self.valid_from}{step}"

    def clean(self) -> None:
        if self.above_prompt_tokens and self.model_id and self.valid_from:
            base = ModelPrice.objects.exclude(pk=self.pk).filter(
                model=self.model_id, valid_from=self.valid_from, above_prompt_tokens=0
            )
            if not base.exists():
                raise ValidationError(
                    {
                        "above_prompt_tokens": "Add that day's price for every prompt (0) first, then its steps."
                    }
                )

    @property
    def is_billed(self) -> bool:
        """Whether calls may have been billed by it. If so, it cannot be changed."""
        today = clock.today()
        return self.valid_from <= today and billed.was_called_since(self.model.names, self.valid_from)

    def is_needed(self) -> bool:
        """Whether there are prices for longer prompts from the same day, which need this one."""
        return not self.above_prompt_tokens and (
            ModelPrice.objects.exclude(pk=self.pk)
            .filter(model=self.model_id, valid_from=self.valid_from)
            .exists()
        )


class ModelTableVersion(models.Model):
    """The whole model table at one time. The generation log refers to it by its name. Versions are only added."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=30, unique=True)
    content = models.JSONField()
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        db_table = "lineup_versions"
        verbose_name = "version of the model table"
        verbose_name_plural = "versions of the model table"
        ordering = ("-id",)

    def __str__(self) -> str:
        return self.name


class FindingQuerySet(models.QuerySet["Finding"]):
    def newest_of_each_model(self, fingerprint: str) -> "FindingQuerySet":
        return self.filter(fingerprint=fingerprint).order_by("model", "-id").distinct("model").defer("report")


class Finding(models.Model):
    """The result of one check of a server with one model. None means that the check could not tell."""

    id = models.BigAutoField(primary_key=True)
    fingerprint = models.CharField(
        max_length=12, help_text="A hash of base URL and key. The key itself is not stored."
    )
    model = models.CharField(max_length=100)
    works = models.BooleanField()
    counts_tokens = models.BooleanField(null=True)
    structured_outputs = models.BooleanField(null=True)
    report = models.JSONField()
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects: ClassVar[FindingQuerySet] = FindingQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "provider_findings"
        verbose_name = "check of the provider"
        verbose_name_plural = "checks of the provider"
        ordering = ("-id",)
        indexes = [models.Index(fields=["fingerprint", "model", "-id"], name="finding_newest")]

    def __str__(self) -> str:
        return f"{self.model} at {self.created_at}"


class ProviderKey(TimestampedModel):
    """A key that was entered while everything runs, stored encrypted (`provider.keys`).

    Without a workspace it stands in for the environment's key of its name. With one it is the own key of that workspace, and
    is sent only to the `address` that it was entered for.
    """

    name = models.CharField(
        max_length=40, unique=True, blank=True, help_text="Empty: the installation's own key."
    )
    workspace = models.OneToOneField(
        Workspace,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="Whose own key it is.",
    )
    encrypted_key = models.TextField()
    instead_of = models.CharField(
        max_length=12,
        blank=True,
        help_text="The fingerprint of the environment's key and address at that time; empty for a workspace's own key.",
    )
    address = models.CharField(
        max_length=300,
        blank=True,
        db_default="",
        help_text="Of the server that a workspace's own key was entered for.",
    )
    replaces = models.CharField(
        max_length=40,
        blank=True,
        db_default="",
        help_text="The name of the key that the workspace had before, and has again when its own is removed.",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        db_table = "provider_keys"
        verbose_name = "provider key"
        constraints = [
            models.CheckConstraint(condition=Q(name__regex=r"^[a-z0-9_]{0,40}$"), name="provider_key_name"),
            models.CheckConstraint(
                condition=Q(workspace__isnull=True) & ~Q(name__startswith=OWN_KEY)
                | Q(workspace__isnull=False, name__startswith=OWN_KEY),
                name="provider_key_owner",
            ),
        ]

    def __str__(self) -> str:
        if self.workspace_id:
            return "the workspace's own key"
        return self.name or "the installation's key"


def find_price(model: LanguageModel, day: date) -> ModelPrice | None:
    """The price for prompts of every length that is valid on a day."""
    return model.prices.filter(valid_from__lte=day, above_prompt_tokens=0).order_by("-valid_from").first()
