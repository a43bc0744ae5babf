"""One template as a file: what is exported is imported character for character."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates_app.packs.pack import PackError, load_pack
from templates_app.packs.template_file import dump, load, to_content
from templates_app.text.content import Content
from templates_app.text.rendering import Variable

# Everything that PostgreSQL stores; `{{` is left to the other tests, because most of it is no placeholder.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00{"), max_size=60)
ODD = [
    '"""',
    '""""""',
    'end"',
    'end""',
    "\\",
    '\\"',
    "\r\n",
    "\r",
    "\n\n",
    "\ta\x7f\x1b\u2028",
    "'''",
    "é🙂",
    " \n ",
]
NAMED = {"name": "n", "tier": "scenario"}


def there_and_back(content: Content) -> None:
    body = dump(**NAMED, content=content)
    found = load(body)
    assert (found.name, found.tier) == ("n", "scenario")
    assert to_content(found) == content
    assert dump(**NAMED, content=to_content(found)) == body


@pytest.mark.parametrize("text", ODD)
def test_odd_texts(text: str) -> None:
    variable = Variable("v", "list", required=False, help=text, options=(f"x{text}", "plain"))
    there_and_back(Content(text=f"x{text}", system_prompt=f"{text}x", variables=[variable.to_dict()]))


@given(text=TEXT, system=TEXT, training=TEXT, note=TEXT)
def test_any_text(text: str, system: str, training: str, note: str) -> None:
    there_and_back(
        Content(
            text=f"{text}x",
            system_prompt=f"s{system}",
            training_system_prompt=f"t{training}",
            variables=[Variable("v", help=note).to_dict()],
            model="m",
            language="de",
        )
    )


def test_numbers_and_flags_keep_their_kind() -> None:
    variable = Variable("n", "number", required=False, default="4.50", minimum=1, maximum=99.5, max_length=12)
    there_and_back(Content(text="{{n}}", variables=[variable.to_dict()]))


def test_every_template_of_the_pack() -> None:
    for template in load_pack().templates:
        there_and_back(to_content(template))


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "needs at least one entry"),
        (b"name = 1", "unknown key 'name'"),
        (b"[[template]", "not valid TOML"),
        (b"name = '\xb3adne'", "must be UTF-8"),
        (b"a." * 12_000 + b"b = 1", "a key in line 1 has more than 10 parts"),
        (b"x = 1\n[ " + b"'a' . " * 200 + b"b ]", "a key in line 2 has more than 10 parts"),
        (b"x = {" + b'"a".' * 101 + b"b = 1}", "a key in line 1 has more than 10 parts"),
        (b"[[template]]\nname='a'\ntier='template'\n", "'text' is missing"),
        (b"[[template]]\nname='a'\ntier='big'\ntext='x'\n", "tier must be one of"),
        (b"[[template]]\nname='a'\ntier='template'\ntext='{{x}}'\n", "not among its variables"),
        (b"[[template]]\nname='a'\ntier='template'\ntext='{{'\n", "line 1, column 1"),
        (b"[[template]]\nname='a'\ntier='template'\ntext='x'\ncolour='red'\n", "unknown key 'colour'"),
        (b"[[template]]\nname='a'\n[[template]]\nname='b'\n", "holds 2 templates"),
        (b"[[template]]\nname='a'\ntier='template'\ntext='x'\nvariables=3\n", "must be a list of tables"),
        (b"a=" + b"[" * 5000, "template.toml: "),
    ],
)
def test_faults_are_named(body: bytes, named: str) -> None:
    with pytest.raises(PackError) as caught:
        load(body)
    assert any(named in problem for problem in caught.value.problems), caught.value.problems


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1252"])
def test_files_of_other_editors_are_read(encoding: str) -> None:
    body = "[[template]]\nname='Caf\u00e9 cr\u00e8me'\ntier='template'\ntext='x'\n"
    assert load(body.encode(encoding)).name == "Caf\u00e9 cr\u00e8me"


def test_a_byte_order_mark_is_no_fault() -> None:
    body: Any = b"\xef\xbb\xbf" + dump(**NAMED, content=Content(text="x"))
    assert load(body).text == "x"


def test_of_very_many_problems_the_first_are_told() -> None:
    """20,000 unknown keys made a page of four megabytes."""
    keys = "".join(f"unknown{number} = 1\n" for number in range(50))
    with pytest.raises(PackError) as caught:
        load(f'[[template]]\nname = "a"\ntier = "template"\ntext = "Hello."\n{keys}'.encode())
    assert len(caught.value.problems) == 21
    assert caught.value.problems[-1] == "... and 30 more problems."
