"""A CSV file becomes a plan: byte-exact values, or every problem with its row and column at once."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pytest

from batches.planning.plan import PlanError
from batches.planning.sources.csv_file import csv_plan
from templates_app.text.rendering import Variable
from tests.factories import make_template, make_workspace
from tests.support.starter_pack import bring_starter_pack
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db
NASTY = (
    'She said "no", then \'yes\'; ""twice""',
    "first line\nsecond line\r\nthird line\r",
    "emoji \U0001f468\u200d\U0001f469\u200d\U0001f467 and e\u0301 combined",
    "\u05e9\u05dc\u05d5\u05dd \u200f\u0645\u0631\u062d\u0628\u0627\u202b",
    "{{topic}} and {{persona ? 'a' : 'b'}} and }} {{",
    '<b>bold</b> R&D &amp; it\'s "<script>"',
    "  kept blanks  ",
    "%s {0} \\n \\' =1+1 \u2028 \ufeff inside",
    "x" * 19_990 + "\U0001f600 the end",
)


@pytest.fixture
def workspace() -> Workspace:
    found = make_workspace()
    bring_starter_pack(found)
    return found


def file_of(*rows: Sequence[str], end: str = "\r\n", delimiter: str = ",") -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode()


def problems_of(workspace: Workspace, content: bytes, **choices: object) -> list[str]:
    with pytest.raises(PlanError) as caught:
        csv_plan(workspace, content, **choices)  # type: ignore[arg-type]
    return [str(problem) for problem in caught.value.problems]


# --- what is read -----------------------------------------------------------------------------------------


def test_500_rows_of_odd_values_are_byte_exact_in_the_prompt_and_in_the_parameters(
    workspace: Workspace,
) -> None:
    values = [f"{number} {NASTY[number % len(NASTY)]}" for number in range(500)]
    rows = [[f"topic {value}", value, value[::-1] or "x"] for value in values]
    plan = csv_plan(workspace, file_of(["topic", "persona", "context"], *rows))
    assert len(plan) == 500
    for item, (topic, persona, context) in zip(plan, rows, strict=True):
        assert item.parameters == {"topic": topic, "persona": persona, "context": context}
        assert item.topic == topic
        prompt = item.request(model="claude-sonnet-5-5", max_tokens=8192).prompt
        assert all(value in prompt for value in (topic, persona, context))


def test_tiers_choose_their_starter_template(workspace: Workspace) -> None:
    content = file_of(
        ["topic", "tier", "context", "expected_behaviour"],
        ["a", "", "", ""],
        ["b", "scenario", "facts", ""],
        ["c", " edge_case ", "facts", "stay calm"],
    )
    plan = csv_plan(workspace, content)
    found = [(item.tier, item.version.template.name) for item in plan]
    assert found == [
        ("template", "Emotional arc"),
        ("scenario", "Real-world scenario"),
        ("edge_case", "Edge case"),
    ]
    assert plan[0].parameters == {"topic": "a"}


def test_a_template_of_ones_own_by_column_and_by_default(workspace: Workspace) -> None:
    variables = (Variable("topic"), Variable("age", "number"))
    make_template(workspace=workspace, name="Mine", text="{{topic}} at {{age}}", variables=variables)
    content = file_of(
        ["topic", "template", "age", "persona"], ["a", "Mine", "41", ""], ["b", "Emotional arc", "", "Nurse"]
    )
    assert [item.version.template.name for item in csv_plan(workspace, content)] == ["Mine", "Emotional arc"]
    [item] = csv_plan(workspace, file_of(["topic", "age"], ["a", "41"]), template="Mine")
    assert item.request(model="claude-sonnet-5-5", max_tokens=1000).prompt == "a at 41"


def test_a_template_without_a_topic_still_takes_the_column(workspace: Workspace) -> None:
    make_template(workspace=workspace, name="Fixed", text="Say hello.", variables=())
    [item] = csv_plan(workspace, file_of(["topic"], ["greeting"]), template="Fixed")
    assert (item.topic, dict(item.parameters)) == ("greeting", {})


def test_the_default_tier_is_of_rows_that_name_none(workspace: Workspace) -> None:
    content = file_of(["topic", "tier", "context"], ["a", "", "facts"], ["b", "template", ""])
    assert [item.tier for item in csv_plan(workspace, content, default_tier="scenario")] == [
        "scenario",
        "template",
    ]


def test_categories_are_words_between_semicolons_or_bars(workspace: Workspace) -> None:
    [item] = csv_plan(workspace, file_of(["topic", "category"], ["a", "debt; first job|  | saving "]))
    assert item.category == ("debt", "first job", "saving")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_delimiters_of_spreadsheets_and_a_byte_order_mark(
    workspace: Workspace, delimiter: str, mark: bytes
) -> None:
    content = mark + file_of([" topic ", "persona"], ["a,b;c\td", "Nurse"], delimiter=delimiter)
    [item] = csv_plan(workspace, content)
    assert item.parameters == {"topic": "a,b;c\td", "persona": "Nurse"}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_blank_rows_short_rows_and_trailing_delimiters_do_no_harm(workspace: Workspace, end: str) -> None:
    content = end.join(["topic,persona", "a", "", " , ", "b,Nurse,,", ""]).encode()
    assert [item.topic for item in csv_plan(workspace, content)] == ["a", "b"]


def test_a_path_serves_too(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "plan.csv"
    path.write_bytes(b"topic\na\nb\n")
    assert len(csv_plan(workspace, path)) == 2


def test_limit_after_the_shuffle_of_the_seed(workspace: Workspace) -> None:
    content = file_of(["topic"], *([str(number)] for number in range(20)))
    assert [item.topic for item in csv_plan(workspace, content, limit=3)] == ["0", "1", "2"]
    shuffled = [item.topic for item in csv_plan(workspace, content, seed=5)]
    assert sorted(shuffled, key=int) == [str(number) for number in range(20)] != shuffled
    limited = csv_plan(workspace, content, seed=5, limit=4)
    assert [item.topic for item in limited] == shuffled[:4]
    assert [item.position for item in limited] == [1, 2, 3, 4]


# --- what is refused --------------------------------------------------------------------------------------

TROUBLES = [
    pytest.param(b"", "The file is empty", id="empty file"),
    pytest.param(b"\xef\xbb\xbf \r\n", "The file is empty", id="only a mark"),
    pytest.param(b"topic,persona\n", "The file has no rows below its header", id="no rows"),
    pytest.param(b"topic\n\n  \n", "The file has no rows below its header", id="blank rows only"),
    pytest.param(b"persona\nNurse\n", "row 1, column topic: is missing", id="no topic column"),
    pytest.param(
        b"topics\na\n",
        "row 1, column topic: is missing: each row needs a topic. Is it 'topics'?",
        id="misspelt topic",
    ),
    pytest.param(b"topic,persona\n,Nurse\n", "row 2, column topic: is empty", id="empty topic"),
    pytest.param(b"topic,mood\na,sad\n", "row 1, column mood: is not known", id="unknown column"),
    pytest.param(b"topic,persna\na,x\n", "Is it 'persona'?", id="misspelt column"),
    pytest.param(
        b"topic,,persona\na,y,x\n", "row 1, column B: has no name, but values", id="column without a name"
    ),
    pytest.param(
        b"topic,persona,persona\na,b,c\n", "row 1, column persona: is there twice", id="twice the same"
    ),
    pytest.param(b"topic,tier\na,edge\n", "row 2, column tier: 'edge' is not a tier", id="bad tier"),
    pytest.param(
        b"topic,template\na,Nope\n",
        "row 2, column template: There is no template 'Nope'",
        id="unknown template",
    ),
    pytest.param(
        b"topic,tier\na,scenario\n",
        "row 2, column context: is required",
        id="missing variable",
    ),
    pytest.param(b"topic,persona\na,b,c\n", "row 2: has 3 cells, the header has 2", id="too many cells"),
    pytest.param(b'topic\n"a\nb\n', "row 2: A cell begins with a quote", id="open quote"),
    pytest.param(
        b'topic\nx\n"a"b\n', "row 3: The quotes are not right near line 3", id="quote in the middle"
    ),
    pytest.param(
        b"topic,persona\na,\xb3adne\n",
        "row 2, column persona: holds a byte (0xB3) that is not UTF-8",
        id="Windows-1250",
    ),
    pytest.param(b"topic,\xb3adne\na,b\n", "that is not UTF-8", id="Windows-1250 in the header"),
    pytest.param(b"topic,persona\na,\xed\xa0\x80\n", "not UTF-8", id="half a surrogate pair"),
    pytest.param(
        b"topic,persona\na,b\0c\n", "row 2, column persona: contains a NUL (U+0000) at character 2", id="NUL"
    ),
    pytest.param(b"topic,category\na,b\0c\n", "row 2, column category", id="NUL in a category"),
    pytest.param(b"topic,category\na," + b"c" * 101, "is longer than 100 characters", id="long category"),
    pytest.param(b"topic,persona\na," + b"c" * 100_001, "at most 100,000 are allowed", id="too long value"),
]


@pytest.mark.parametrize(("content", "expected"), TROUBLES)
def test_troubles_are_named(workspace: Workspace, content: bytes, expected: str) -> None:
    problems = problems_of(workspace, content)
    assert any(expected in problem for problem in problems), problems
    assert all(problem.encode() for problem in problems), "can be printed"


def test_a_value_that_the_row_s_template_does_not_take(workspace: Workspace) -> None:
    content = file_of(
        ["topic", "tier", "context", "expected_behaviour"],
        ["a", "scenario", "facts", "x"],
        ["b", "template", "facts", "x"],
    )
    assert problems_of(workspace, content) == [
        (
            "row 3, column expected_behaviour: has a value, but the template 'Emotional arc' of this row has no such "
            "variable; empty the cell."
        )
    ]


def test_all_problems_at_once_with_row_and_column(workspace: Workspace) -> None:
    content = file_of(
        ["topic", "tier", "mood", "context"],
        ["fine", "", "sad", ""],
        ["", "wrong", "", ""],
        ["two\nlines", "scenario", "", ""],
        ["x", "edge_case", "", "facts", "surplus"],
    )
    places = [problem.split(":")[0] for problem in problems_of(workspace, content)]
    assert places == [
        "row 1, column mood",
        "row 3, column tier",
        "row 4, column context",
        "row 5",
        "row 5, column expected_behaviour",
    ]


def test_an_unknown_default_template_is_said_once(workspace: Workspace) -> None:
    problems = problems_of(workspace, b"topic,persona\na,b\nc,d\n", template="Nope")
    assert [problem.split("'")[0] for problem in problems] == ["column template: There is no template "]


def test_a_missing_topic_column_is_said_once(workspace: Workspace) -> None:
    assert len(problems_of(workspace, file_of(["persona"], *([str(n)] for n in range(9))))) == 1


def test_the_same_problem_of_many_rows_is_said_once(workspace: Workspace) -> None:
    content = file_of(["topic", "tier"], *([str(number), "wrong"] for number in range(312)))
    [problem] = problems_of(workspace, content)
    assert problem.startswith("312 rows (2 to 313), column tier: 'wrong' is not a tier; choose ")


def test_more_than_ten_thousand_rows_are_refused(workspace: Workspace) -> None:
    content = file_of(["topic"], *([str(number)] for number in range(10_001)))
    assert problems_of(workspace, content, limit=5) == [
        "The file has more than 10,000 rows; at most 10,000 are allowed. Split it."
    ]


def test_the_rows_beyond_the_limit_are_checked_too(workspace: Workspace) -> None:
    assert problems_of(workspace, b"topic,tier\na,template\nb,wrong\n", limit=1)[0].startswith(
        "row 3, column tier"
    )


def test_a_template_of_another_workspace_is_unknown(workspace: Workspace) -> None:
    make_template(workspace=make_workspace(), name="Theirs")
    assert "There is no template 'Theirs'" in problems_of(workspace, b"topic,template\na,Theirs\n")[0]
