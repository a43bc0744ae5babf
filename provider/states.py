"""The choices of a model's fields."""

from django.db import models


class Lifecycle(models.TextChoices):
    ACTIVE = "active"
    LEGACY = "legacy"
    DEPRECATED = "deprecated"
    RETIRED = "retired"


class Thinking(models.TextChoices):
    ENABLED = "enabled"
    ADAPTIVE = "adaptive"
    DISABLED = "disabled"
    BETWEEN_TOOLS = "between_tools"


class Effort(models.TextChoices):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    XHIGH = "xhigh"
    MAX = "max"


# An effort above `high` needs thinking, so it cannot be combined with the first two.
QUIET_THINKING = (Thinking.DISABLED, Thinking.BETWEEN_TOOLS)
NEEDS_THINKING = (Effort.XHIGH, Effort.MAX)
