"""The three tiers of a dataset, and the kinds of rows that files bring."""

from django.db import models


class Tier(models.TextChoices):
    TEMPLATE = "template", "Template"  # emotional-arc templates
    SCENARIO = "scenario", "Scenario"  # real-world scenarios
    EDGE_CASE = "edge_case", "Edge case"  # boundary conditions


class RowKind(models.TextChoices):
    """The tables whose rows travel in files, by the word for one of them."""

    SCENARIO = "scenario", "Scenarios"
    EDGE_CASE = "edge_case", "Edge cases"
    OPTION = "option", "Options"
