"""The three tiers of a dataset, the kinds of rows that files bring, and the longest topic."""

from django.db import models

# Of a scenario, an item and a conversation: a topic travels from one to the next.
LONGEST_TOPIC = 500


class Tier(models.TextChoices):
    TEMPLATE = "template", "Template"  # emotional-arc templates
    SCENARIO = "scenario", "Scenario"  # real-world scenarios
    EDGE_CASE = "edge_case", "Edge case"  # boundary conditions


class EntryKind(models.TextChoices):
    """The kinds of entries that can be imported and exported."""

    SCENARIO = "scenario", "Scenarios"
    EDGE_CASE = "edge_case", "Edge cases"
    OPTION = "option", "Options"
