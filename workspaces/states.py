"""The choices of a workspace's fields."""

from django.db import models


class Authorisation(models.TextChoices):
    """The ground on which a workspace trains models on Claude's outputs."""

    NARROW = "narrow", "A narrow model that does not compete with Claude"
    PERMISSION = "permission", "Anthropic’s written permission"
    OTHER_SERVER = "other_server", "Another model writes the conversations, and its licence allows it"
    NO_TRAINING = "no_training", "No model is trained on them: evaluation, tests, demonstration"
    UNDECIDED = "undecided", "Not decided yet"
