"""What a finished batch came to; its cost is `spent`."""

from django.db import models


class OutcomeFields(models.Model):
    """Written when the batch is completed, and again if it is after a retry; a late reply corrects them."""

    actual_seconds = models.FloatField(
        null=True, blank=True, editable=False, help_text="From its start to its end, without its pauses."
    )
    actual_input_tokens = models.BigIntegerField(
        null=True, blank=True, editable=False, help_text="Of all its calls, cached or not."
    )
    actual_output_tokens = models.BigIntegerField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True
