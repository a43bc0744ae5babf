"""What the pieces on the style guide are filled with. Nothing here is real, and nothing comes from the database."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID

from django import forms
from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message
from django.urls import reverse
from django.utils import timezone

from analytics.charts import draw_columns, draw_lines, draw_rows
from batches.web.jobs.batch_page import Banner
from conversations.quality.flags import KINDS
from lib.paging import Page
from lorapipe.templatetags.ui import BADGES, ICONS, TIERS

NOBODY = UUID(int=0)  # no row has this key
LONG = "An unbroken title, as people paste them: " + "supercalifragilisticexpialidocious" * 3


class Section(NamedTuple):
    """`name` is the anchor and the file in `templates/styleguide/`; `where`: the files that draw what it shows."""

    name: str
    title: str
    where: str


SECTIONS = (
    Section(
        "badges", "Badges and icons", "templatetags/ui.py: status_badge, tier_badge, icon; ui/simulated.html"
    ),
    Section(
        "numbers",
        "Numbers, money and times",
        "templatetags/ui.py: score, money, ago, duration, about, compact",
    ),
    Section(
        "buttons",
        "Buttons, links and keys",
        "templatetags/ui.py: post_button; key_tags.py: kbd; ui/copy_button.html",
    ),
    Section(
        "fields",
        "Fields and forms",
        "templatetags/ui.py: text_field, dollars_field; ui/select_field.html; ui/errors.html",
    ),
    Section(
        "messages",
        "Messages, and nothing to show",
        "ui/toast.html, ui/empty.html, ui/reading_notes.html, batches/banner.html",
    ),
    Section("progress", "Progress and steps", "ui/strip.html, batches/steps.html"),
    Section(
        "tables",
        "Tables and lists",
        "ui/pager.html, ui/file_columns.html, ui/api_fields.html, ui/history.html",
    ),
    Section("texts", "Conversations and prompts", "prompt_card, conversations/flag.html"),
    Section("charts", "Totals and charts", "analytics/charts.py, analytics/chart.html"),
)


class ExampleForm(forms.Form):
    """A form with a field that is right, one that is wrong, and what concerns no single field."""

    name = forms.CharField(label="Name", max_length=40)
    limit = forms.DecimalField(label="Stop at", min_value=Decimal("0.01"))
    notes = forms.CharField(label="Notes", required=False)

    def clean(self) -> None:
        raise forms.ValidationError("The two files name different templates. Choose one of them.")


def build_examples() -> dict[str, Any]:
    """The context of the page, by the names that its templates use."""
    return {
        "badges": list(BADGES),
        "tiers": list(TIERS),
        "icons": sorted(each.stem for each in ICONS.glob("*.svg")),
        **_build_numbers(),
        "wrong": ExampleForm({"name": "", "limit": "-1", "notes": "Kept as it was typed."}),
        "choices": [("stop", "Stop the batch"), ("continue", "Continue with the rest")],
        **_build_messages(),
        **_build_progress(),
        **_build_tables(),
        "flags": [
            SimpleNamespace(label=kind.label, words=kind.explanation, quote="", of="")
            for kind in KINDS.values()
        ],
        "quoted": SimpleNamespace(
            label="Near-duplicate",
            words="Most of it stands in another one.",
            quote="Is a fixed rate safer?",
            of=NOBODY,
        ),
        "prompt": "You are a calm financial adviser.\n\nPersona: {{persona}}\nلديّ سؤال عن الرهن العقاري",
        "charts": _build_charts(),
    }


def _build_numbers() -> dict[str, Any]:
    now = timezone.now()
    return {
        "scores": [None, Decimal(0), Decimal("3.4"), Decimal("6.9"), Decimal(10)],
        "amounts": [
            None,
            Decimal(0),
            Decimal("0.0002"),
            Decimal("0.0412"),
            Decimal("27.70391"),
            Decimal(12_345),
        ],
        "moments": [None, *(now - timedelta(seconds=each) for each in (5, 300, 7200, 200_000, 9_000_000))],
        "seconds": [None, 7, 761, 3727],
        "counts": [None, 812, 48_231, 2_310_000],
    }


def _build_messages() -> dict[str, Any]:
    said = (
        (constants.SUCCESS, "339 approved, 3 skipped."),
        (constants.INFO, "The plan was started one minute ago."),
        (constants.WARNING, "Two rows have no persona; they got the default."),
        (constants.ERROR, "The batch could not be started: its budget is spent."),
    )
    banners = (
        ("ok", "circle-check", "90 conversations are ready. ", "They cost $1.49."),
        ("info", "info", "Starting. ", "The first call is on its way."),
        ("warn", "circle-pause", "Paused. ", "Five calls that were under way were finished."),
        ("bad", "triangle-alert", "Stopped: the key was refused. ", "Enter another one, then resume."),
    )
    return {
        "said": [Message(level, words) for level, words in said],
        "banners": [
            Banner(tone=tone, icon=icon, title=title, text=text) for tone, icon, title, text in banners
        ],
        "notes": [
            "Line 7 has two commas in a row: the empty cell counts as missing.",
            "Columns are separated by semicolons.",
        ],
    }


def _build_progress() -> dict[str, Any]:
    jobs = ((0, "A batch that has just begun"), (57, "A batch on its way"), (90, LONG))
    return {
        "jobs": [
            SimpleNamespace(
                pk=NOBODY, name=name, total_items=90, ended_items=ended, spent=Decimal("0.0166") * ended
            )
            for ended, name in jobs
        ],
        "steps": [{"step": 1}, {"step": 2, "first": "#progress"}],
    }


def _build_tables() -> dict[str, Any]:
    made: dict[str, Any] = {
        "rows": range(50),
        "number": 2,
        "first": 51,
        "last": 100,
        "count": 1181,
        "total": "1,181",
    }
    columns = (("topic", True, "what it is about"), ("persona", False, "who speaks"), ("tier", True, ""))
    fields = (
        ("limit", "", False, "number", "1 to 200", "50"),
        ("templateId", "in the path", True, "UUID", "", ""),
    )
    entries = (("Ada started the batch", "90 items, at most $7.90"), ("The system paused it", ""))
    return {
        "page": Page(**made, previous="?page=1#tables", next="?page=3#tables"),
        "file_columns": [
            {"name": name, "required": required, "about": about} for name, required, about in columns
        ],
        "api_fields": [
            dict(zip(("name", "place", "is_required", "kind", "about", "default"), each, strict=True))
            for each in fields
        ],
        "entries": [
            SimpleNamespace(sentence=words, details=more, at=timezone.now()) for words, more in entries
        ],
        "chosen": [
            SimpleNamespace(workspace=SimpleNamespace(name="Ada's workspace"), others=[]),
            SimpleNamespace(
                workspace=SimpleNamespace(name="Ada's workspace"),
                others=[SimpleNamespace(pk=NOBODY, name="Research")],
            ),
        ],
        "long": LONG,
    }


def _build_charts() -> Mapping[str, Any]:
    href = f"{reverse('styleguide')}#charts"
    scores = [
        (str(band), number, f"Score {band}: {number}", href)
        for band, number in enumerate((0, 0, 1, 2, 5, 9, 14, 22, 31, 17, 4))
    ]
    parts = {"approved": 40, "pending_review": 21, "needs_revision": 6, "rejected": 3, "generated": 9}
    rows = [("Template", [(status, number, f"{status}: {number}", href) for status, number in parts.items()])]
    lines: list[tuple[str, list[float | None], list[str]]] = [
        ("claude-a", [0.4, 1.2, None, 2.9], ["$0.40", "$1.20", "", "$2.90"]),
        ("claude-b", [0.2, 0.2, 0.9, 0.4], ["$0.20", "$0.20", "$0.90", "$0.40"]),
    ]
    return {
        "columns": {
            "chart": draw_columns(scores, mark_at=6, mark="needs revision below"),
            "title": "Structure scores",
            "takeaway": "Most have a score of 8.",
        },
        "rows": {
            "chart": draw_rows(rows),
            "title": "By status",
            "takeaway": "Half are approved.",
            "legend": [(status, status.replace("_", " ").capitalize()) for status in parts],
        },
        "lines": {
            "chart": draw_lines(["2 Mar", "3 Mar", "4 Mar", "5 Mar"], lines, unit="$"),
            "title": "Cost by day",
            "takeaway": "It rises.",
        },
    }
