"""The financial-planning pack keeps what the plan of 90 promises."""

import itertools
import math
import re
from collections import Counter

import pytest

from templates_app.packs.pack import OPTION_LISTS, Pack, PackItem, PackTemplate, load_pack
from templates_app.text.rendering import Variable, find_placeholders, render, resolve

PACK: Pack = load_pack()
MAX_TOKENS = 2_500


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def template_of(item: PackItem) -> PackTemplate:
    return PACK.template(item.template)


def prompt(item: PackItem) -> str:
    template = template_of(item)
    return render(
        template.text, resolve([Variable.from_dict(row) for row in template.variables], item.values)
    )


def label(item: PackItem) -> str:
    return f"{item.tier}-{item.topic[:40]}"


every_item = pytest.mark.parametrize("item", PACK.items, ids=label)
with_context = pytest.mark.parametrize("item", [i for i in PACK.items if i.tier != "template"], ids=label)


def test_the_plan_is_40_35_and_15_in_that_order() -> None:
    assert Counter(item.tier for item in PACK.items) == {"template": 40, "scenario": 35, "edge_case": 15}
    assert [tier for tier, _ in itertools.groupby(item.tier for item in PACK.items)] == [
        "template",
        "scenario",
        "edge_case",
    ]


def test_one_template_per_tier() -> None:
    named = {template.tier: template.name for template in PACK.templates}
    assert named == {"template": "Emotional arc", "scenario": "Real-world scenario", "edge_case": "Edge case"}
    assert all(template.training_system_prompt and template.system_prompt for template in PACK.templates)
    assert (PACK.name, PACK.prefix) == ("financial_planning", "fp")


def test_persona_emotion_and_topic_differ_together() -> None:
    triples = Counter((i.parameters["persona"], i.parameters["emotion"], i.topic) for i in PACK.items)
    assert max(triples.values()) == 1
    assert max(Counter(item.topic for item in PACK.items).values()) == 1


def test_no_two_items_are_alike() -> None:
    bags = [(item.topic, frozenset(words(" ".join(item.values.values())))) for item in PACK.items]
    for (first, a), (second, b) in itertools.combinations(bags, 2):
        assert len(a & b) / len(a | b) <= 0.6, (first, second)


def test_the_plan_has_variety() -> None:
    for field, least in (("persona", 12), ("emotion", 15), ("intent", 8), ("tone", 8)):
        counts = Counter(item.parameters[field] for item in PACK.items)
        assert len(counts) >= least
        assert max(counts.values()) <= 20
    assert len({category for item in PACK.items for category in item.category}) >= 20


def test_every_option_is_described_and_used() -> None:
    for name in OPTION_LISTS:
        used = {item.parameters[name.removesuffix("s")] for item in PACK.items}
        assert {option.name for option in PACK.options[name]} == used
        assert all(
            10 <= len(option.description) <= 120 and "\n" not in option.description
            for option in PACK.options[name]
        )


def test_persona_names_make_plain_slugs() -> None:
    for option in PACK.options["personas"]:
        assert re.fullmatch(r"[A-Za-z]+(?:[ -][A-Za-z]+)*", option.name)
        assert len(option.name) <= 40


@every_item
def test_an_item_renders_into_a_prompt_of_sensible_size(item: PackItem) -> None:
    text = prompt(item)
    assert "{{" not in text
    assert 2_000 <= len(text) <= 3_500
    assert math.ceil(len((text + template_of(item).system_prompt).encode()) / 2) < MAX_TOKENS


@every_item
def test_the_prompt_tells_the_facts_line_by_line(item: PackItem) -> None:
    fields = {
        "topic": "Topic",
        "persona": "Persona",
        "emotion": "Emotion",
        "intent": "Intent",
        "tone": "Tone",
    }
    fields |= {
        "emotional_arc": "Emotional arc",
        "context": "Context",
        "expected_behaviour": "Expected behaviour",
    }
    lines = prompt(item).splitlines()
    for name, title in fields.items():
        if name in item.values:
            assert f"{title}: {item.values[name]}" in lines


@every_item
def test_an_item_is_clean_text(item: PackItem) -> None:
    assert 1 <= len(item.category) <= 4
    assert len(item.topic) <= 120
    for value in item.values.values():
        assert value == value.strip()
        assert not re.search(r"[\n\r\t]|  |TODO|\.\.\.", value)
        assert len(value) <= 700


@pytest.mark.parametrize("item", [i for i in PACK.items if i.tier == "template"], ids=label)
def test_a_template_item_names_its_emotional_arc(item: PackItem) -> None:
    stations = item.parameters["emotional_arc"].split(" -> ")
    assert 3 <= len(stations) <= 5
    assert len(set(stations)) == len(stations)


@with_context
def test_scenarios_and_edge_cases_have_enough_context(item: PackItem) -> None:
    # Counted between spaces, the strictest way: "$2,900" is one word.
    assert 40 <= len(item.parameters["context"].split()) <= 100
    assert 15 <= len(item.parameters["expected_behaviour"].split()) <= 40


@pytest.mark.parametrize(
    ("name", "required"),
    [
        ("Emotional arc", {"topic"}),
        ("Real-world scenario", {"topic", "context"}),
        ("Edge case", {"topic", "context", "expected_behaviour"}),
    ],
)
def test_a_template_needs_little_and_explains_everything(name: str, required: set[str]) -> None:
    template = PACK.template(name)
    variables = [Variable.from_dict(row) for row in template.variables]
    assert {variable.name for variable in variables if variable.required} == required
    assert all(len(variable.help) > 20 for variable in variables)
    assert {p.name for p in find_placeholders(template.text)} == {variable.name for variable in variables}
    bare = render(template.text, resolve(variables, dict.fromkeys(required, "cats & <dogs>")))
    assert "Topic: cats & <dogs>\n" in bare
    assert "Persona:" not in bare
    assert "{{" not in bare
    assert "\n\n\n" not in bare
