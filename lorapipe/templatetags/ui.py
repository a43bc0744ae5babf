"""Template tags for all pages: icons, badges, scores, money, times, keys, and links that edit the query string."""

import functools
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, NamedTuple

from django import template
from django.forms import BoundField
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from lib.amounts import format_amount
from lorapipe.templatetags.key_tags import TAGS

register = template.Library()
for tag in TAGS:
    register.simple_tag(tag, takes_context=True)

LIMIT_STEP = Decimal("0.0001")  # in USD; a limit is typed with four places at most
ICONS = Path(__file__).resolve().parent.parent / "static" / "vendor" / "lucide"


class Badge(NamedTuple):
    """How a status looks. It always has an icon and a word, so that colour is never needed to read it."""

    word: str
    icon: str
    tone: str


# Conversations, jobs and items share these words. `pausing`, `cancelling`, `stopping`, `completed_with_failures` and
# `completed_without_success` are shown, but never stored.
BADGES: Mapping[str, Badge] = {
    "draft": Badge("Draft", "circle-dashed", ""),
    "generating": Badge("Generating", "loader", "info"),
    "generated": Badge("Generated", "check", "ok"),
    "pending_review": Badge("Pending review", "clock", "info"),
    "approved": Badge("Approved", "circle-check", "ok"),
    "rejected": Badge("Rejected", "x", "bad"),
    "needs_revision": Badge("Needs revision", "pencil-line", "warn"),
    "failed": Badge("Failed", "triangle-alert", "bad"),
    "archived": Badge("Archived", "archive", ""),
    "queued": Badge("Queued", "clock", ""),
    "processing": Badge("Processing", "loader", "info"),
    "pausing": Badge("Pausing", "hourglass", "warn"),
    "paused": Badge("Paused", "circle-pause", "warn"),
    "stopping": Badge("Stopping", "hourglass", "bad"),
    "cancelling": Badge("Cancelling", "hourglass", ""),
    "cancelled": Badge("Cancelled", "ban", ""),
    "completed": Badge("Completed", "circle-check", "ok"),
    "completed_with_failures": Badge("Completed, some failed", "triangle-alert", "warn"),
    "completed_without_success": Badge("Completed, all failed", "triangle-alert", "bad"),
    "published": Badge("Published", "circle-check", "ok"),
}
TIERS: Mapping[str, str] = {"template": "Template", "scenario": "Scenario", "edge_case": "Edge case"}
MOVING = frozenset({"generating", "processing"})
# The entries of the menu, each with the names of the URLs of its pages (a regular expression).
SECTIONS: Mapping[str, str] = {
    "dashboard": r"dashboard|analytics.*",
    "generate_all": r"generate_all",
    "generate_one": r"generate_one",
    "batches": r"batch(es|_.*)?|plan(?!_prompt$).*|notices",
    "conversations": r"conversations?(_diff)?|regenerate.*|import_.*",
    "review": r"review.*",
    "exports": r"export.*",
    "templates": r"template.*",
    "scenarios": r"(scenario|edge_case|option).*",
    "settings": r"settings.*|background_job.*",
}


@functools.cache
def _drawing(name: str) -> str:
    """The drawing inside a vendored icon. Raises an error that names the file if there is none."""
    found = re.search(r"<svg[^>]*>(.*)</svg>", (ICONS / f"{name}.svg").read_text(), re.DOTALL)
    if found is None:
        raise ValueError(f"{name}.svg holds no drawing")
    return " ".join(found[1].split())


@register.simple_tag
@functools.cache
def icon(name: str, size: int = 16) -> SafeString:
    """An inline SVG of a vendored icon in the colour of the text. Screen readers skip it; a word stands beside it."""
    drawing = mark_safe(_drawing(name))  # noqa: S308, our own file, checked by scripts/vendor.py
    return format_html(
        '<svg width="{0}" height="{0}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" '
        'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{1}</svg>',
        size,
        drawing,
    )


@register.simple_tag
def status_badge(status: str, word: str = "") -> SafeString:
    """The badge of a status. `word` replaces its usual word ("Completed, 5 failed")."""
    badge = BADGES.get(status) or Badge(status.replace("_", " ").capitalize(), "info", "")
    return format_html(
        '<span class="badge{}{}">{}{}</span>',
        f" tone-{badge.tone}" if badge.tone else "",
        " spin" if status in MOVING else "",
        icon(badge.icon, 12),
        word or badge.word,
    )


@register.filter
def count_errors(form: Any) -> int:
    """How many errors a form has: each one, and not each field that has some. A grouped problem of rows is one."""
    return sum(len(errors) for errors in form.errors.values())


@register.filter
def tier_word(tier: str) -> str:
    return TIERS.get(tier, tier.replace("_", " ").capitalize())


@register.simple_tag
def tier_badge(tier: str) -> SafeString:
    return format_html('<span class="badge tier">{}</span>', tier_word(tier))


@register.simple_tag
def score(value: Decimal | None) -> SafeString:
    """A score from 0 to 10 with its meter, or a dash if there is none."""
    if value is None:
        return format_html('<span class="muted" title="Not scored">{}</span>', "—")
    return format_html(
        '<span class="score"><progress class="meter" max="10" value="{0}" aria-hidden="true"></progress>{0}</span>',
        f"{value:.1f}",
    )


def dollars(amount: Decimal | float | int) -> str:
    """`$0.041` below one dollar, `$27.70` above, `$0.00` for zero, and `<$0.001` for what would round to zero."""
    exact = Decimal(str(amount))
    if exact == 0:
        return "$0.00"
    if abs(exact) >= 1:
        return f"${exact.quantize(Decimal('0.01'), ROUND_HALF_UP):,}"
    if abs(exact) < Decimal("0.0005"):
        return "<$0.001"
    return f"${exact.quantize(Decimal('0.001'), ROUND_HALF_UP)}"


@register.simple_tag
def money(amount: Decimal | float | int | None) -> SafeString:
    """A short amount with the exact amount in its title."""
    if amount is None:
        return format_html('<span class="muted">{}</span>', "—")
    exact = f"{Decimal(str(amount)):f}"
    exact = exact.rstrip("0").rstrip(".") if "." in exact else exact
    return format_html('<span class="num" title="${}">{}</span>', exact or "0", dollars(amount))


@register.filter(name="dollars")
def dollars_filter(amount: Decimal | float | int | None) -> str:
    return "" if amount is None else dollars(amount)


register.filter("amount", format_amount)


@register.filter
def limit(value: Decimal | float | int | None) -> str:
    """The limit of a batch, the same on its button, in its field and on its page: `$7.90`, `$0.125`."""
    if value is None:
        return ""
    return f"${Decimal(format_amount(Decimal(str(value)).quantize(LIMIT_STEP, ROUND_DOWN))):,}"


@register.filter
def exact(amount: Decimal) -> str:
    """The exact amount without needless zeros: `$0.125`, `$10`."""
    whole, _, places = f"{amount:f}".partition(".")
    places = places.rstrip("0")
    return f"${whole}.{places}" if places else f"${whole}"


@register.simple_tag
def ago(moment: datetime | None) -> SafeString:
    """A short relative time with the absolute time in its title and in `datetime`."""
    if moment is None:
        return format_html('<span class="muted">{}</span>', "—")
    return format_html(
        '<time class="nowrap" datetime="{}" title="{} UTC">{}</time>',
        moment.isoformat(timespec="seconds"),
        moment.strftime("%-d %b %Y, %H:%M:%S"),
        _since(timezone.now() - moment, moment),
    )


def _since(passed: timedelta, moment: datetime) -> str:
    seconds = int(passed.total_seconds())
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{seconds // 60} min ago"
    if seconds < 86400:
        return f"{seconds // 3600} h ago"
    if seconds < 30 * 86400:
        return f"{seconds // 86400} d ago"
    return moment.strftime("%-d %b %Y")


@register.filter
def duration(seconds: float | None) -> str:
    """A measured time: `0:07`, `12:41`, `1:02:07`."""
    if seconds is None:
        return "—"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@register.filter
def about(seconds: float | None) -> str:
    """An estimated time, rounded as far as an estimate can be exact: `~40 s`, `~5 min 50 s`, `~1 h 20 min`."""
    if seconds is None:
        return "—"
    if seconds < 10:
        return "a few seconds"
    tens = int(-(-seconds // 10) * 10)
    if tens < 60:
        return f"~{tens} s"
    if tens < 3600:
        minutes, rest = divmod(tens, 60)
        return f"~{minutes} min {rest} s" if rest and minutes < 10 else f"~{minutes} min"
    hours, rest = divmod(tens, 3600)
    return f"~{hours} h {rest // 60} min" if rest >= 60 else f"~{hours} h"


@register.filter
def compact(number: int | None) -> str:
    """`812`, `48.2 k`, `2.31 M`."""
    if number is None:
        return "—"
    if number < 1000:
        return str(number)
    if number < 1_000_000:
        return f"{number / 1000:.1f} k"
    return f"{number / 1_000_000:.2f} M"


@register.simple_tag(takes_context=True)
def section(context: template.Context) -> str:
    """The entry of the menu that the page belongs to, a name of SECTIONS; empty if it belongs to none."""
    page = getattr(context["request"].resolver_match, "url_name", None) or ""
    if page == "item":
        return "generate_one" if context.get("single") else "batches"
    return next((name for name, pages in SECTIONS.items() if re.fullmatch(pages, page)), "")


@register.simple_tag
def opens_dialog(page: str, *arguments: Any) -> SafeString:
    """The attributes of a link whose page opens in the dialog. Without script the link leads to the page itself."""
    return format_html(
        'href="{0}" hx-get="{0}" hx-target="#dialog-body" hx-swap="innerHTML"', reverse(page, args=arguments)
    )


@register.simple_block_tag(takes_context=True)
def post_button(
    context: template.Context, content: str, page: str, *arguments: Any, variant: str = "outline"
) -> SafeString:
    """A form that consists of one button and posts to a page. The label of the button is written between the tags."""
    values = {"action": reverse(page, args=arguments), "variant": variant, "content": _strip(content)}
    return _render(context, "ui/post_button.html", {**values, "csrf_token": context.get("csrf_token")})


@register.simple_block_tag(takes_context=True)
def heading(context: template.Context, content: str) -> SafeString:
    """The title of a page that can also be shown in the dialog. There its heading is of the second level."""
    return format_html("<{0}>{1}</{0}>", "h2" if context.get("in_dialog") else "h1", _strip(content))


@register.simple_block_tag(takes_context=True)
def empty_state(
    context: template.Context, content: str, symbol: str, title: str, href: str = "", verb: str = ""
) -> SafeString:
    """The content of a list that has nothing to show. The explanation is written between the tags.

    With `href` and `verb` there is a button that leads to another page.
    """
    values = {"symbol": symbol, "title": title, "text": _strip(content), "href": href, "verb": verb}
    return _render(context, "ui/empty.html", values)


@register.simple_block_tag(takes_context=True)
def text_field(
    context: template.Context,
    content: str,
    field: BoundField | str,
    label: str,
    value: object = "",
    errors: object = None,
    **attributes: object,
) -> SafeString:
    """A labelled text field, or with `rows` a labelled text area. A hint is written between the tags.

    `field` is a field of a form, which has a value and errors, or a name; with a name, `value` and `errors` are given.
    `css` is one more class, `before` a sign in front of the field, such as a currency. Everything else is an attribute
    of the input, with underscores for hyphens: `type="number"`, `aria_describedby="turns-hint"`, `autofocus=in_dialog`.
    """
    name = field.html_name if isinstance(field, BoundField) else field
    if isinstance(field, BoundField):
        value, errors = field.value() if value == "" else value, field.errors
    if not name:
        raise ValueError(f"The field “{label}” has no name: is there a form in the context?")
    own = {"type": "text", "id": f"id_{name}", **attributes}
    values = {
        "name": name,
        "label": label,
        "value": value,
        "errors": errors,
        "hint": _strip(content),
        **{key: own.pop(key, "") for key in ("type", "id", "css", "before", "rows")},
        "attributes": format_html_join("", "{}", ((_attribute(key, each),) for key, each in own.items())),
    }
    return _render(context, "ui/text_field.html", values)


def _attribute(name: str, value: object) -> SafeString:
    """An attribute with a space in front of it. A flag has no value; an empty or false attribute is left out."""
    if value is True:
        return format_html(" {}", name)
    return (
        format_html(' {}="{}"', name.replace("_", "-"), value)
        if value not in (None, False, "")
        else SafeString()
    )


@register.simple_block_tag(takes_context=True)
def dollars_field(
    context: template.Context,
    content: str,
    field: BoundField | str,
    label: str,
    value: object = "",
    errors: object = None,
    **attributes: object,
) -> SafeString:
    """An amount of money: a text_field with a dollar sign in front, at least a cent unless `min` says otherwise."""
    amount = {"type": "number", "css": "num", "before": "$", "min": "0.01", "step": "any", **attributes}
    return text_field(context, content, field, label, value, errors, **amount)


@register.simple_block_tag(takes_context=True)
def prompt_card(
    context: template.Context, content: str, name: str, title: str, text: str, *, copy: bool = False
) -> SafeString:
    """A card with a text exactly as it is sent to Claude. A remark beside its title is written between the tags.

    `name` is the id of the text, `copy` adds a button that copies it.
    """
    values = {"id": name, "title": title, "text": text, "remark": _strip(content), "copy": copy}
    return _render(context, "ui/prompt_card.html", values)


def _strip(content: str) -> SafeString:
    """The content between the two tags of a block, which is rendered and escaped already."""
    return mark_safe(content.strip())  # noqa: S308


def _render(context: template.Context, name: str, values: Mapping[str, object]) -> SafeString:
    """Render a piece that has its own file, with these values and no others."""
    assert context.template is not None, "a tag is rendered by a template"
    return context.template.engine.get_template(name).render(context.new(dict(values)))


@register.simple_tag(takes_context=True)
def url_with(context: template.Context, **changes: Any) -> str:
    """The current path with changes to its query string; `None` or `""` removes a name. It leads to the first page."""
    request = context["request"]
    query = request.GET.copy()
    query.pop("page", None)
    for name, value in changes.items():
        if value in (None, ""):
            query.pop(name, None)
        else:
            query[name] = str(value)
    return f"{request.path}?{query.urlencode()}" if query else str(request.path)
