"""Prompts and differences on a page: to the letter, escaped, and marked where they were filled or changed."""

from django.template import Context, Template

from templates_app.text.differences import TextRun
from templates_app.text.preview import Piece


def render(source: str, **context: object) -> str:
    return Template("{% load prompts %}" + source).render(Context(context))


def test_a_changed_line_marks_what_changed_and_adds_no_space() -> None:
    line = [
        TextRun("  if a < b:", changed=False),
        TextRun(" <stop>", changed=True),
        TextRun("\t", changed=False),
    ]
    shown = render("{% changed_line line 'del' %}", line=line)
    assert shown == "  if a &lt; b:<del> &lt;stop&gt;</del>\t"


def test_a_preview_tells_where_each_piece_comes_from() -> None:
    pieces = [
        Piece("Hello\n "),
        Piece("<Ann>", "filled", "name"),
        Piece("{{x", "syntax", title="It is not closed"),
    ]
    assert render("{% preview pieces %}", pieces=pieces) == (
        'Hello\n <mark class="m-filled" data-of="name" title="name">&lt;Ann&gt;</mark>'
        '<mark class="m-syntax" title="It is not closed">{{x</mark>'
    )
