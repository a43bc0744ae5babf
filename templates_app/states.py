"""The three tiers of a dataset, and the three kinds of entries in the library."""

from django.db import models


class Tier(models.TextChoices):
    TEMPLATE = "template", "Template"  # emotional-arc templates
    SCENARIO = "scenario", "Scenario"  # real-world scenarios
    EDGE_CASE = "edge_case", "Edge case"  # boundary conditions


class EntryKind(models.TextChoices):
    """The kinds of entries that can be imported and exported."""

    SCENARIO = "scenario", "Scenarios"
    EDGE_CASE = "edge_case", "Edge cases"
    OPTION = "option", "Options"
