"""What spreadsheets and people do to CSV files: every reader of one names row, column and remedy, and takes nothing.

The readers are the plan of a batch and the imports of scenarios, edge cases and options; they share `lib.tables`.
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from batches.planning.plan import PlanError
from batches.planning.sources.csv_file import csv_plan
from lib.row_problems import cut_problems
from templates_app.library.importing import preview_file
from templates_app.models import EdgeCase, ImportFile, Option, Scenario
from templates_app.states import EntryKind, Tier
from tests.factories import make_template, make_workspace
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Reader:
    """Reads a file into what it is for. `needs` are the columns that must be there, `key` the one that is never empty."""

    name: str
    needs: tuple[str, ...]
    free: str  # a column that need not be there
    key: str
    most: int
    longest: int  # characters of a cell of `free`

    def good(self, number: int) -> list[str]:
        return [{"kind": "tone"}.get(name, f"{name} {number}") for name in self.needs]

    def problems(self, workspace: Workspace, content: bytes) -> list[str]:
        if self.name == "plan":
            try:
                csv_plan(workspace, content)
            except PlanError as wrong:
                return [str(problem) for problem in cut_problems(wrong.problems)]
            return []
        found = preview_file(content, name="rows.csv", kind=EntryKind(self.name), workspace=workspace)
        assert not (found.problems and found.changes)
        return [str(problem) for problem in found.problems]


READERS = [
    Reader("plan", ("topic",), "persona", "topic", 10_000, 100_000),
    Reader("scenario", ("name", "topic"), "context", "name", 5_000, 100_000),
    Reader("edge_case", ("name", "topic"), "context", "name", 5_000, 100_000),
    Reader("option", ("kind", "name"), "description", "name", 5_000, 10_000),
]
every_reader = pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
Make = Callable[[Reader], bytes]


@pytest.fixture
def workspace() -> Workspace:
    """With the starter templates, as far as the readers ask for them."""
    found = make_workspace()
    for tier, name in (
        (Tier.TEMPLATE, "Emotional arc"),
        (Tier.SCENARIO, "Real-world scenario"),
        (Tier.EDGE_CASE, "Edge case"),
    ):
        make_template(workspace=found, name=name, tier=tier)
    return found


def text_of(rows: Sequence[Sequence[str]], *, delimiter: str = ",", end: str = "\r\n") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(rows)
    return text.getvalue()


def table(reader: Reader, *, free: Sequence[str] = ("x",)) -> list[list[str]]:
    """A good file: the columns that are needed, and a free one with these cells."""
    return [
        [*reader.needs, reader.free],
        *([*reader.good(number), cell] for number, cell in enumerate(free, start=1)),
    ]


def good(reader: Reader, free: Sequence[str] = ("x",), **form: str) -> bytes:
    return text_of(table(reader, free=free), **form).encode()


def header(reader: Reader, *more: str) -> bytes:
    return text_of([[*reader.needs, *more], [*reader.good(1), *("x" for _ in more)]]).encode()


# --- what is read ------------------------------------------------------------------------------------

FINE: dict[str, Make] = {
    "comma": good,
    "semicolon": lambda reader: good(reader, delimiter=";"),
    "tab": lambda reader: good(reader, delimiter="\t"),
    "bar": lambda reader: good(reader, delimiter="|"),
    "byte order mark": lambda reader: b"\xef\xbb\xbf" + good(reader),
    "line feeds": lambda reader: good(reader, end="\n"),
    "carriage returns alone": lambda reader: good(reader, end="\r"),
    "line breaks inside quotes": lambda reader: good(reader, ["one\r\ntwo\nthree\rfour"]),
    "blank rows": lambda reader: good(reader) + b"\r\n  \r\n,,\r\n",
    "short rows": lambda reader: header(reader, reader.free).replace(b",x\r\n", b"\r\n"),
    "empty columns at the end": lambda reader: good(reader).replace(b"x\r\n", b"x,,\r\n"),
    "a line that names the delimiter": lambda reader: b"sep=;\r\n" + good(reader, delimiter=";"),
    "a title above the header": lambda reader: b"Table 1,,\r\n" + good(reader),
    "a blank row above the header": lambda reader: b",,\r\n\r\n" + good(reader),
    "columns without a name or a value": lambda reader: good(reader).replace(b"\r\n", b",,,\r\n"),
    "a column that counts the rows": lambda reader: b"," + good(reader).replace(b"\r\n", b"\r\n1,", 1),
    "the header in capitals": lambda reader: good(reader).replace(
        reader.key.encode(), reader.key.upper().encode(), 1
    ),
    "an unknown column without values": lambda reader: good(reader).replace(b"\r\n", b",remarks\r\n", 1),
    "UTF-16 little endian": lambda reader: b"\xff\xfe" + good(reader).decode().encode("utf-16-le"),
    "UTF-16 big endian": lambda reader: b"\xfe\xff" + good(reader).decode().encode("utf-16-be"),
    "UTF-16 without a mark": lambda reader: good(reader).decode().encode("utf-16-le"),
    "Windows-1252": lambda reader: good(reader, ["fine", "caf\u00e9"]).decode().encode("cp1252"),
    "quotes with a backslash": lambda reader: good(reader, ["x"]).replace(b",x\r", rb',"a \"b\" c"' + b"\r"),
    "formula cells": lambda reader: good(reader, ["=1+1", "+49 170", "-5%", "@here", "\t=x"]),
    "a cell longer than the csv module's limit": lambda reader: good(reader, ["y" * (reader.longest - 1)]),
}


@every_reader
@pytest.mark.parametrize("make", FINE.values(), ids=FINE.keys())
def test_it_is_read(workspace: Workspace, reader: Reader, make: Make) -> None:
    assert reader.problems(workspace, make(reader)) == []


# --- what is refused ---------------------------------------------------------------------------------


def wide(number: int) -> str:
    """The spreadsheet's letter of a column."""
    return "ABCDEFG"[number]


TROUBLES: dict[str, tuple[Make, Callable[[Reader], Sequence[str]]]] = {
    "empty file": (lambda _: b"", lambda _: ["The file is empty", "first row holds the column names"]),
    "only a byte order mark": (lambda _: b"\xef\xbb\xbf\r\n", lambda _: ["The file is empty"]),
    "header only": (
        lambda reader: text_of([[*reader.needs, reader.free]]).encode(),
        lambda _: ["has no rows below its header: add one"],
    ),
    "bytes of another encoding": (
        lambda reader: good(reader, ["fine", "\u017cycie \u0142adne"]).decode().encode("cp1250"),
        lambda reader: [f"row 3, column {reader.free}: holds a byte (0xBF)", "save it as UTF-8"],
    ),
    "such a byte in the header": (
        lambda reader: header(reader, "\u0142adne").decode().encode("cp1250"),
        lambda reader: ["row 1, column \ufffdadne: holds a byte (0xB3)", "save it as UTF-8"],
    ),
    "no column names": (
        lambda reader: text_of([reader.good(1), reader.good(2)]).encode(),
        lambda reader: [f"row 1, column {reader.key}: is missing: each row needs"],
    ),
    "a needed column is missing": (
        lambda reader: text_of([[reader.free], ["x"]]).encode(),
        lambda reader: [f"row 1, column {reader.key}: is missing: each row needs"],
    ),
    "a column twice": (
        lambda reader: header(reader, reader.free, reader.free),
        lambda reader: [f"row 1, column {reader.free}: is there twice; remove one of them"],
    ),
    "a column without a name": (
        lambda reader: header(reader, "", reader.free),
        lambda reader: [
            f"row 1, column {wide(len(reader.needs))}: has no name, but values (the first one in row 2)."
        ],
    ),
    "an unknown column": (
        lambda reader: header(reader, "colour"),
        lambda _: ["row 1, column colour: is not known", "nown are "],
    ),
    "a misspelt column": (
        lambda reader: header(reader, reader.free[:-1]),
        lambda reader: [f"row 1, column {reader.free[:-1]}: is not known", f"Is it '{reader.free}'?"],
    ),
    "a row with too many cells": (
        lambda reader: good(reader, ["x", "y"]).replace(b"y\r\n", b"y,z\r\n"),
        lambda reader: [f"row 3: has {len(reader.needs) + 2} cells, the header has", "into quotes"],
    ),
    "a quote that is never closed": (
        lambda reader: good(reader, ["x", "y"]).replace(b"y\r\n", b'"y\r\n'),
        lambda _: ['row 3: A cell begins with a quote (") that is never closed. Close it'],
    ),
    "a quote in the middle": (
        lambda reader: good(reader, ["x", "y"]).replace(b"y\r\n", b'"y"z\r\n'),
        lambda _: ["row 3: The quotes are not right near line 3", "Double the quotes inside"],
    ),
    "a NUL": (
        lambda reader: good(reader, ["x", "y\0z"]),
        lambda reader: [f"row 3, column {reader.free}: contains a NUL (U+0000) at character 2; remove it"],
    ),
    "a control character": (
        lambda reader: good(reader, ["x\x1by"]),
        lambda reader: [f"row 2, column {reader.free}: contains a control character (U+001B) at character 2"],
    ),
    "a cell over the limit": (
        lambda reader: good(reader, ["x", "y" * (reader.longest + 1)]),
        lambda reader: [
            f"row 3, column {reader.free}: has {reader.longest + 1:,} characters; at most",
            "shorten it",
        ],
    ),
    "an empty key": (
        lambda reader: good(reader, ["x", "y"]).replace(f"{reader.key} 2".encode(), b""),
        lambda reader: [f"row 3, column {reader.key}: is empty; "],
    ),
    "too many rows": (
        lambda reader: text_of(
            [reader.needs, *(reader.good(number) for number in range(reader.most + 1))]
        ).encode(),
        lambda reader: [f"The file has more than {reader.most:,} rows; at most {reader.most:,}", "Split it"],
    ),
}


@every_reader
@pytest.mark.parametrize(("make", "said"), TROUBLES.values(), ids=TROUBLES.keys())
def test_it_is_refused_with_its_place_and_a_remedy(
    workspace: Workspace, reader: Reader, make: Make, said: Callable[[Reader], Sequence[str]]
) -> None:
    before = [model.objects.count() for model in (Scenario, EdgeCase, Option, ImportFile)]
    problems = reader.problems(workspace, make(reader))
    for words in said(reader):
        assert any(words in problem for problem in problems), problems
    assert all(problem.encode() for problem in problems), "can be printed"
    assert [model.objects.count() for model in (Scenario, EdgeCase, Option, ImportFile)] == before


# --- what only some readers have ---------------------------------------------------------------------

OWN: dict[str, tuple[str, bytes, str]] = {
    "an unknown tier": ("plan", b"topic,tier\na,edge\n", "row 2, column tier: 'edge' is not a tier; choose"),
    "an unknown template of a plan": (
        *("plan", b"topic,template\na,Nope\n"),
        "row 2, column template: There is no template 'Nope'",
    ),
    "an unknown template": (
        *("scenario", b"name,topic,template\na,b,Nope\n"),
        "row 2, column template: There is no template 'Nope' here; of the tier scenario there are: Real-world scenario.",
    ),
    "a template of another tier": (
        *("scenario", b"name,topic,template\na,b,Edge case\n"),
        "row 2, column template: 'Edge case' is of the tier edge_case; name one of the tier scenario, or leave it empty.",
    ),
    "two rows of one name": (
        *("scenario", b"name,topic\nA payout,b\nc,d\na PAYOUT,e\n"),
        "row 4, column name: is in row 2 too; keep one of them.",
    ),
    "two edge cases of one name": (
        *("edge_case", b"name,topic\na,b\na,d\n"),
        "row 3, column name: is in row 2 too; keep one of them.",
    ),
    "two options of one name": (
        *("option", b"kind,name\ntone,calm\nemotion,calm\ntone,calm\n"),
        "row 4, column name: is in row 2 too; keep one of them.",
    ),
    "a new row without a topic": (
        *("scenario", b"name,persona\na,b\n"),
        "row 1, column topic: is missing: there are new scenarios, and each needs a topic.",
    ),
    "an empty topic": ("edge_case", b"name,topic\na,\n", "row 2, column topic: is empty; say what"),
    "an unknown list": (
        *("option", b"kind,name\nmood,calm\n"),
        "row 2, column kind: must be one of persona, emotion, intent, tone, topic.",
    ),
    "a decimal comma": (
        *("option", b"kind;name;weight\ntone;calm;0,5\n"),
        "row 2, column weight: '0,5' has a decimal comma; write 0.5.",
    ),
    "a weight that is no number": (
        *("option", b"kind,name,weight\ntone,calm,often\n"),
        "row 2, column weight: 'often' is not a number; write one such as 1 or 2.5.",
    ),
    "a weight too heavy": (
        *("option", b"kind,name,weight\ntone,calm,100000\n"),
        "row 2, column weight: must be at most 99,999.",
    ),
    "a weight too exact": (
        *("option", b"kind,name,weight\ntone,calm,0.0001\n"),
        "row 2, column weight: has more than three decimal places; round it.",
    ),
    "a tag too long": (
        *("scenario", b"name,topic,tags\na,b,fine; " + b"t" * 101 + b"\n"),
        "is longer than 100 characters; shorten it.",
    ),
    "a parameter that cannot be a variable": (
        *("scenario", b"name,topic,parameters.my age\na,b,41\n"),
        "row 2, column parameters: 'my age' cannot be a variable: a name has letters, digits and _",
    ),
    "a parameter with a field of its own": (
        *("scenario", b"name,topic,parameters.tone\na,b,calm\n"),
        "row 2, column parameters.tone: is a field of its own: write it into tone.",
    ),
    "a line break in a name": (
        *("scenario", b'name,topic\n"a\nb",c\n'),
        "row 2, column name: contains a line break; write it in one line.",
    ),
}


@pytest.mark.parametrize(("name", "content", "said"), OWN.values(), ids=OWN.keys())
def test_what_only_one_reader_has(workspace: Workspace, name: str, content: bytes, said: str) -> None:
    reader = next(each for each in READERS if each.name == name)
    problems = reader.problems(workspace, content)
    assert any(said in problem for problem in problems), problems


@every_reader
def test_the_same_problem_of_many_rows_is_said_once(workspace: Workspace, reader: Reader) -> None:
    rows = [["x", "y\x01"][number % 4 > 0] for number in range(61)]
    [problem] = reader.problems(workspace, good(reader, rows))
    assert problem.startswith(
        f"45 rows (3 to 5, 7 to 9, 11 to 13, 15 to 17, 19 to 21, ...), column {reader.free}: "
    )


@every_reader
def test_different_problems_are_bounded_and_counted(workspace: Workspace, reader: Reader) -> None:
    problems = reader.problems(workspace, good(reader, [f"{'y' * number}\x01" for number in range(312)]))
    assert len(problems) == 21
    assert problems[-1] == "... and 292 more problems."
