"""Template tags for prompts, whose white space must stay as it is. HTML templates with wrapped lines would change it."""

from collections.abc import Iterable

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from templates_app.text.differences import TextRun
from templates_app.text.preview import Piece

register = template.Library()


@register.simple_tag
def changed_line(runs: Iterable[TextRun], mark: str) -> SafeString:
    """One side of a line of a difference. The changed parts are in elements named `mark`: del or ins."""
    return format_html_join(
        "",
        "{}",
        ((format_html("<{0}>{1}</{0}>", mark, run.text) if run.changed else run.text,) for run in runs),
    )


@register.simple_tag
def preview(pieces: Iterable[Piece]) -> SafeString:
    """A filled text in which each piece tells where it comes from."""
    return format_html_join("", "{}", ((_mark(piece) if piece.kind else piece.text,) for piece in pieces))


def _mark(piece: Piece) -> SafeString:
    return format_html(
        '<mark class="m-{}"{} title="{}">{}</mark>',
        piece.kind,
        format_html(' data-of="{}"', piece.name) if piece.name else "",
        piece.title or piece.name,
        piece.text,
    )
