"""How a stored status moves: by compare-and-swap, and never to a state that the rules do not name."""

from django.db import models


class StaleState(Exception):
    """The row is not in a state that this move may start from. Answered as HTTP 409."""

    def __init__(self, noun: str, *, verb: str, status: str) -> None:
        self.noun, self.verb, self.status = noun, verb, status
        super().__init__(f"This {noun} is {status.replace('_', ' ')}: it cannot be {verb}.")


class Authorisation(models.TextChoices):
    """On what ground a workspace trains models on what Claude writes."""

    NARROW = "narrow", "A narrow model that does not compete with Claude"
    PERMISSION = "permission", "Anthropic’s written permission"
    OTHER_SERVER = "other_server", "Another model writes the conversations, and its licence allows it"
    NO_TRAINING = "no_training", "No model is trained on them: evaluation, tests, demonstration"
    UNDECIDED = "undecided", "Not decided yet"
