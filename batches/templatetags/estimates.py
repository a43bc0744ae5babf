"""Shares and the one sentence about them, for the page of estimates."""

from django import template

from batches.reports.calibration import Summary, format_share

register = template.Library()


@register.filter
def share(value: float) -> str:
    """`83%`."""
    return f"{100 * value:.0f}%"


@register.filter(name="signed")
def signed_filter(value: float) -> str:
    return format_share(value)


@register.filter
def takeaway(found: Summary) -> str:
    """What the chart shows, in a sentence."""
    held = round(found.holds * found.count)
    return (
        f"{held} of {found.count} cost what their range says; half of them came within {share(found.cost_error)} "
        "of the estimate."
    )
