"""The turns of a conversation, and the counters for human ids."""

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from conversations.models.conversations import Conversation
from conversations.states import Role
from workspaces.models import OwnedModel


class Turn(OwnedModel):
    conversation = models.ForeignKey(
        Conversation,
        on_delete=models.DO_NOTHING,
        related_name="turns",
        db_index=False,  # the database deletes it
    )
    turn_number = models.PositiveIntegerField()
    role = models.CharField(max_length=9, choices=Role.choices)
    content = models.TextField()
    token_count = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "conversation_turns"
        ordering = ["turn_number"]
        constraints = [
            models.UniqueConstraint(fields=["conversation", "turn_number"], name="turn_once"),
            models.CheckConstraint(condition=Q(turn_number__gte=1), name="turn_number"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="turn_role"),
        ]
        indexes = [
            # Parts of words in any language. Each search reads the pending entries to their end, so they are few (in kB).
            GinIndex(
                OpClass(Upper("content"), name="gin_trgm_ops"), name="turn_text", gin_pending_list_limit=1024
            ),
        ]

    def __str__(self) -> str:
        return f"turn {self.turn_number}"


class IdCounter(models.Model):
    """The next number for human ids, one row per workspace and persona slug. Rows are locked in the order of slugs."""

    workspace = models.ForeignKey("workspaces.Workspace", on_delete=models.CASCADE, related_name="+")
    slug = models.CharField(max_length=60)
    next_number = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "slug"], name="id_counter_once")]

    def __str__(self) -> str:
        return f"{self.slug} {self.next_number}"
