"""Reading a pack: strict, with errors that name file and entry."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from templates_app.packs import pack
from templates_app.packs.pack import PackError, load_pack, read_pack

SHIPPED = Path(pack.__file__).parent.parent / "pack_files" / "financial_planning"
Edit = Callable[[str, str, str], Path]


@pytest.fixture
def edited(tmp_path: Path) -> Edit:
    """Copies the shipped pack and replaces one passage of one file."""

    def edit(file: str, old: str, new: str) -> Path:
        folder = tmp_path / "copy"
        shutil.copytree(SHIPPED, folder)
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        return folder

    return edit


def problems(folder: Path) -> list[str]:
    with pytest.raises(PackError) as caught:
        read_pack(folder)
    return caught.value.problems


def test_the_shipped_pack_is_read_once() -> None:
    assert load_pack("financial_planning") == load_pack()
    assert load_pack() is load_pack()


def test_a_copy_is_a_pack_of_its_own(edited: Edit) -> None:
    pack = read_pack(edited("pack.toml", 'prefix = "fp"', 'prefix = "mine"'))
    assert (pack.name, pack.prefix, len(pack.items)) == ("copy", "mine", 90)


@pytest.mark.parametrize(
    "name", ["nothing", "../financial_planning", "", "Financial_Planning", "financial_planning/."]
)
def test_an_unknown_pack_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(PackError, match="known are financial_planning"):
        load_pack(name)


def test_a_pack_without_a_tier_is_fine(edited: Edit) -> None:
    folder = edited("pack.toml", "title", "title")
    (folder / "edge_case_items.toml").unlink()
    assert len(read_pack(folder).items) == 75


def test_a_missing_file_is_named(edited: Edit) -> None:
    folder = edited("pack.toml", "title", "title")
    (folder / "options.toml").unlink()
    assert problems(folder) == ["options.toml: the file is missing from the pack 'copy'"]


def test_a_file_that_is_not_utf8_is_named(edited: Edit) -> None:
    folder = edited("pack.toml", "title", "title")
    (folder / "pack.toml").write_bytes(b'title = "\xb3adne"')
    assert problems(folder)[0].startswith("pack.toml: the file must be UTF-8 text")


def test_an_unknown_template_name_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        load_pack().template("nothing")


FIRST_ITEM = "template_items.toml, item 1 ('building a first emergency fund on one income'): "


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("pack.toml", "title =", "title", "pack.toml: not valid TOML: "),
        ("pack.toml", 'prefix = "fp"', 'prefix = "F P"', "pack.toml: prefix must be 1 to 10"),
        ("pack.toml", 'prefix = "fp"', "", "pack.toml: 'prefix' is missing"),
        ("pack.toml", "title", 'colour = "blue"\ntitle', "pack.toml: unknown key 'colour'"),
        (
            "options.toml",
            'name = "Anxious Investor"',
            'name = ""',
            "options.toml, persona 1 (''): 'name' must be text that is not empty",
        ),
        ("options.toml", "[[personas]]", "[[people]]", "options.toml: unknown key 'people'"),
        (
            "options.toml",
            'name = "Gig Worker"',
            'name = "Anxious Investor"',
            "options.toml, personas: 'Anxious Investor' is there 2 times",
        ),
        (
            "templates.toml",
            'tier = "template"',
            'tier = "one"',
            "templates.toml, template 1 ('Emotional arc'): tier must be one of",
        ),
        (
            "templates.toml",
            "{{topic}}",
            "{{7*7}}",
            "templates.toml, template 1 ('Emotional arc'): text, line 4, column 8: ",
        ),
        (
            "templates.toml",
            "{{topic}}",
            "{{subject}}",
            "templates.toml, template 1 ('Emotional arc'): text uses {{subject}}, which",
        ),
        (
            "templates.toml",
            "You write training",
            "You {{verb}} training",
            "templates.toml, template 1 ('Emotional arc'): system_prompt uses {{verb}}, which",
        ),
        (
            "templates.toml",
            'type = "text"',
            'type = "date"',
            "templates.toml, template 1 ('Emotional arc'): variable topic: type must be",
        ),
        (
            "templates.toml",
            'name = "persona"',
            'name = "topic"',
            "templates.toml, template 1 ('Emotional arc'): variable 'topic' is defined 2 times",
        ),
        (
            "templates.toml",
            'name = "Edge case"',
            'name = "Emotional arc"',
            "templates.toml, template: 'Emotional arc' is there 2 times",
        ),
        (
            "template_items.toml",
            'emotion = "overwhelmed"',
            'emotion = "hangry"',
            FIRST_ITEM + "emotion 'hangry' is not in the list 'emotions'",
        ),
        (
            "template_items.toml",
            'emotion = "overwhelmed"',
            "emotion = 5",
            FIRST_ITEM + "'emotion' must be text",
        ),
        (
            "template_items.toml",
            'emotion = "overwhelmed"',
            'emotoin = "sad"',
            FIRST_ITEM + "emotoin: is not a variable of this template",
        ),
        (
            "template_items.toml",
            "[[item]]",
            '[[item]]\ntemplate = "Edge case"',
            FIRST_ITEM + "templates.toml has no template 'Edge case' of tier 'template'",
        ),
        (
            "template_items.toml",
            'topic = "building',
            'tpoic = "building',
            "template_items.toml, item 1: 'topic' is missing",
        ),
        (
            "template_items.toml",
            'category = ["emergency fund", "budgeting"]',
            'category = "x"',
            FIRST_ITEM + "'category' must be a list of words",
        ),
        ("template_items.toml", "[[item]]", "[item]", "template_items.toml: not valid TOML: "),
        (
            "scenario_items.toml",
            'context = "He is 58',
            'category_x = "He is 58',
            "scenario_items.toml, item 1 ('selling forty acres",
        ),
    ],
)
def test_a_mistake_is_told_with_file_and_entry(
    edited: Edit, file: str, old: str, new: str, problem: str
) -> None:
    found = problems(edited(file, old, new))
    assert any(line.startswith(problem) for line in found), found


def test_all_mistakes_of_a_file_come_at_once(edited: Edit) -> None:
    folder = edited("edge_case_items.toml", 'emotion = "panicked"', 'emotion = "bored"')
    file = folder / "edge_case_items.toml"
    file.write_text(
        file.read_text(encoding="utf-8").replace('emotion = "lonely"', 'emotion = "cosmic"'), encoding="utf-8"
    )
    assert len(problems(folder)) == 2


def test_an_items_file_without_items_is_refused(edited: Edit) -> None:
    folder = edited("pack.toml", "title", "title")
    (folder / "scenario_items.toml").write_text("item = 5\n", encoding="utf-8")
    assert problems(folder) == ["scenario_items.toml: 'item' must be a list of tables"]
    (folder / "scenario_items.toml").write_text("", encoding="utf-8")
    assert problems(folder) == ["scenario_items.toml: 'item' needs at least one entry, written [[item]]"]
