"""The three tiers of a dataset."""

from django.db import models


class Tier(models.TextChoices):
    TEMPLATE = "template", "Template"  # emotional-arc templates
    SCENARIO = "scenario", "Scenario"  # real-world scenarios
    EDGE_CASE = "edge_case", "Edge case"  # boundary conditions
