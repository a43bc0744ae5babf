"""Reading replies: packaging is forgiven, content is not, and nothing else is ever raised."""

import contextlib
import json
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from claude.errors import ClaudeError, Declined, Unusable
from claude.messages import Reply, Usage
from conversations.parsing import SCHEMA, Draft, TurnDraft, read

# The machine is shared: a slow example is no failure.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

TURNS = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]
PLAIN = {"title": "Greeting", "turns": TURNS}
GREETING = Draft("Greeting", (TurnDraft("user", "Hello"), TurnDraft("assistant", "Hi")))
TEXT = json.dumps(PLAIN)


def reply(text: str, *, stop_reason: str | None = "end_turn", refusal: str | None = None) -> Reply:
    return Reply(
        text=text,
        stop_reason=stop_reason,
        model="claude-sonnet-5-5",
        usage=Usage(input_tokens=1, output_tokens=1),
        request_id="req_1",
        simulated=True,
        body=b"raw",
        refusal=refusal,
        duration_ms=1,
    )


def turns(*pairs: tuple[Any, Any], **more: Any) -> str:
    return json.dumps({"turns": [{"role": role, "content": content} for role, content in pairs]} | more)


def problem(text: str, **changes: Any) -> ClaudeError:
    with pytest.raises(ClaudeError) as caught:
        read(reply(text, **changes))
    assert (caught.value.request_id, caught.value.body) == ("req_1", b"raw")
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"\n  {TEXT}  \n",
        f"\ufeff{TEXT}",
        f"```json\n{TEXT}\n```",
        f"```\n{json.dumps(PLAIN, indent=2)}\n```",
        f"Here is it:\n\n{TEXT}\n\nShall I write another?",
        f"I used {{persona}} and [the list]. {TEXT}",
        f'Shape: {{"title": "...", "turns": []}}. Done: {TEXT}',
        f'Settings {{"tone": "calm"}} then {TEXT}',
        f'Broken {{"tone": calm}} then {TEXT}',
        json.dumps(PLAIN | {"notes": {"deep": [1, 2]}}),
    ],
)
def test_packaging_is_forgiven(text: str) -> None:
    assert read(reply(text)) == GREETING


@pytest.mark.parametrize(
    "text", [json.dumps(TURNS), f"Sure: {json.dumps(TURNS)}", f"```json\n{json.dumps(TURNS)}\n```"]
)
def test_a_bare_list_of_turns_is_read(text: str) -> None:
    assert read(reply(text)) == Draft(None, GREETING.turns)


def test_raw_line_breaks_inside_strings_are_read() -> None:
    text = '{"title": "T", "turns": [{"role": "user", "content": "a\nb"}, {"role": "assistant", "content": "\tc"}]}'
    assert [turn.content for turn in read(reply(text)).turns] == ["a\nb", "\tc"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("User", "ASSISTANT"),
        ("human", "gpt"),
        ("Human", "AI"),
        (" customer ", "Advisor"),
        ("client", "model"),
    ],
)
def test_role_words_are_mapped(first: str, second: str) -> None:
    read_back = read(reply(turns((first, "a"), (second, "b"))))
    assert [turn.role for turn in read_back.turns] == ["user", "assistant"]


@pytest.mark.parametrize(
    ("title", "kept"),
    [(" T ", "T"), ("", None), ("  ", None), (None, None), (7, None), ("x" * 300, "x" * 200)],
)
def test_titles(title: object, kept: str | None) -> None:
    assert read(reply(json.dumps(PLAIN | {"title": title}))).title == kept


def test_contents_are_kept_as_they_are() -> None:
    odd = "  <b>R&D</b> \u202eabc \U0001f600 \r\n{x} }} \"'\\ "
    assert read(reply(turns(("user", odd), ("assistant", odd)))).turns[0].content == odd


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n",
        "I would rather not.",
        "null",
        "7",
        '"text"',
        "{}",
        "[]",
        '{"turns": {}}',
        '{"turns": null}',
        '{"turns": ["a", "b"]}',
        '{"turns": [{"role": "user"}, {"content": "x"}]}',
        '{"turns": [{"role": 1, "content": "x"}]}',
        turns(("user", None), ("assistant", "b")),
        TEXT[:-1],
        TEXT[:-2],
        TEXT[: len(TEXT) // 2],
        f"```json\n{TEXT[:-1]}\n```",
        '[{"a": 1}, {"b": 2}] and nothing else',
        "[" * 300_000,
        '{"a":' * 300_000,
        '{"turns":' + "9" * 10_000 + "}",
    ],
)
def test_what_cannot_be_read(text: str) -> None:
    # A list without turns can be read, but says nothing.
    raised = problem(text)
    assert isinstance(raised, Unusable)
    assert raised.kind in (("failed_check",) if text == "[]" else ("unreadable",))


def test_the_complete_list_inside_a_cut_off_object_is_not_taken_for_the_whole() -> None:
    assert problem('{"title": "T", "turns": ' + json.dumps(TURNS)).kind == "unreadable"
    assert problem('{"title": "T", "turns": ' + json.dumps(TURNS) + ', "more": [').kind == "unreadable"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (turns(), "0 turns"),
        (turns(("user", "a")), "1 turns"),
        (turns(("assistant", "a"), ("user", "b")), "first turn"),
        (turns(("user", "a"), ("user", "b")), "Turn 2 is the user's again"),
        (turns(("user", "a"), ("assistant", "b"), ("assistant", "c")), "Turn 3"),
        (turns(("user", "a"), ("assistant", "b"), ("user", "c")), "last turn, 3"),
        (turns(("user", "a"), ("assistant", " \n")), "Turn 2 is empty"),
        (turns(("user", "a"), ("system", "b")), "Turn 2 has the role 'system'"),
        (turns(*[("user", "a"), ("assistant", "b")] * 201), "402 turns"),
        (turns(("user", "a" * 200_001), ("assistant", "b")), "200001 characters"),
    ],
)
def test_failed_checks_say_which_and_where(text: str, said: str) -> None:
    raised = problem(text)
    assert isinstance(raised, Unusable)
    assert raised.kind == "failed_check"
    assert said in str(raised)


def test_the_largest_allowed_conversation_passes() -> None:
    assert len(read(reply(turns(*[("user", "a"), ("assistant", "b")] * 200))).turns) == 400
    assert read(reply(turns(("user", "a" * 200_000), ("assistant", "b"))))


@pytest.mark.parametrize("bad", ["\x00", "\x07", "\x1b", "\x1f", "\ud83d"])
def test_characters_that_cannot_be_stored(bad: str) -> None:
    for text in (
        turns(("user", f"a{bad}"), ("assistant", "b")),
        turns(("user", "a"), ("assistant", "b"), title=f"T{bad}x"),
    ):
        raised = problem(text)
        assert isinstance(raised, Unusable)
        assert raised.kind == "bad_characters"
        assert f"U+{ord(bad):04X}" in str(raised)
        str(raised).encode()


@pytest.mark.parametrize(
    ("text", "variables", "where"),
    [
        (turns(("user", "I am {{name}}"), ("assistant", "b")), {"name"}, "Turn 1"),
        (turns(("user", "a"), ("assistant", "as {{ name ? 'x' : 'y' }}")), {"name"}, "Turn 2"),
        (turns(("user", "a"), ("assistant", "{{#topic}} b {{/topic}}")), {"name", "topic"}, "Turn 2"),
        (turns(("user", "a"), ("assistant", "b"), title="About {{topic}}"), {"topic"}, "The title"),
    ],
)
def test_a_placeholder_of_the_template_is_unresolved(text: str, variables: set[str], where: str) -> None:
    with pytest.raises(Unusable, match=f"{where} holds the unresolved placeholder") as caught:
        read(reply(text), variables=variables)
    assert caught.value.kind == "failed_check"


@pytest.mark.parametrize(
    "code",
    [
        "<Card style={{ color: 'red' }} />",
        "image: {{ .Values.image.tag }}",
        "${{ secrets.TOKEN }} and {{ matrix.os }}",
        r"\frac{{a}}{{b}}",
        "<p>{{ message }}</p>",
        "{% if user %}{{ user.name }}{% endif %}",
    ],
)
def test_braces_of_other_languages_are_content(code: str) -> None:
    text = turns(("user", f"What does {code} do?"), ("assistant", f"It is {code}."))
    assert read(reply(text), variables={"persona", "topic"}).turns[1].content == f"It is {code}."


@pytest.mark.parametrize("kept", ["\x85", "\x7f", "\x0b", "\x0c", "\u2028", "\ufeff", "\x9f"])
def test_characters_that_everybody_takes_are_kept(kept: str) -> None:
    text = turns(("user", f"a{kept}b"), ("assistant", f"{kept}c"))
    assert read(reply(text)).turns[0].content == f"a{kept}b"


def test_an_ansi_escape_is_named() -> None:
    assert "ANSI escape" in str(problem(turns(("user", "a \x1b[31mred\x1b[0m"), ("assistant", "b"))))


def test_escaped_surrogate_pairs_are_ordinary_characters() -> None:
    text = '{"turns": [{"role": "user", "content": "\\ud83d\\ude00"}, {"role": "assistant", "content": "b"}]}'
    assert read(reply(text)).turns[0].content == "\U0001f600"


def test_a_refusal_is_final_and_says_why() -> None:
    raised = problem(TEXT, stop_reason="refusal", refusal="bio: No.")
    assert isinstance(raised, Declined)
    assert raised.kind == "declined"
    assert "bio: No." in str(raised)


@pytest.mark.parametrize(
    ("stop_reason", "kind"),
    [
        ("max_tokens", "max_tokens"),
        ("length", "max_tokens"),
        ("stop_sequence", "wrong_stop"),
        ("tool_use", "wrong_stop"),
        ("pause_turn", "wrong_stop"),
        ("", "wrong_stop"),
        (None, "wrong_stop"),
    ],
)
def test_other_ends_than_the_models_own(stop_reason: str | None, kind: str) -> None:
    raised = problem(TEXT, stop_reason=stop_reason)
    assert isinstance(raised, Unusable)
    assert raised.kind == kind


@pytest.mark.parametrize("stop_reason", ["model_context_window_exceeded", "context_length_exceeded"])
def test_a_full_context_window_ends_the_item_and_says_what_to_do(stop_reason: str) -> None:
    raised = problem(TEXT, stop_reason=stop_reason)
    assert (type(raised), raised.kind) == (Declined, "context_window")
    assert "Shorten the values" in str(raised)


@pytest.mark.parametrize("stop_reason", ["content_filter", "SAFETY", "guardrail_intervened"])
def test_a_reply_that_a_filter_stopped_is_not_bought_again(stop_reason: str) -> None:
    raised = problem(TEXT[:40], stop_reason=stop_reason)
    assert (type(raised), raised.kind) == (Declined, "moderated")


@pytest.mark.parametrize(
    ("stop_reason", "kind", "said"),
    [
        ("end_turn", "unreadable", "the model's thinking and nothing else"),
        ("stop", "unreadable", "the model's thinking and nothing else"),
        ("max_tokens", "max_tokens", "while the model was still thinking"),
        ("length", "max_tokens", "Raise max_tokens"),
    ],
)
def test_a_reply_of_thinking_alone_is_named(stop_reason: str, kind: str, said: str) -> None:
    with pytest.raises(Unusable) as caught:
        read(replace(reply("", stop_reason=stop_reason), only_thinking=True))
    assert caught.value.kind == kind
    assert said in str(caught.value)


def test_an_unknown_stop_reason_with_a_whole_conversation_is_kept() -> None:
    draft = read(reply(TEXT, stop_reason="eos_token"))
    assert draft == GREETING
    assert "eos_token" in draft.repairs[0]
    assert problem("Hm.", stop_reason="eos_token").kind == "wrong_stop"


def test_the_schema_keeps_to_the_rules_of_structured_outputs() -> None:
    def objects(schema: Any) -> list[dict[str, Any]]:
        if isinstance(schema, list):
            return [found for each in schema for found in objects(each)]
        if not isinstance(schema, dict):
            return []
        inner = [found for each in schema.values() for found in objects(each)]
        return [schema, *inner] if schema.get("type") == "object" else inner

    found = objects(SCHEMA)
    assert len(found) == 2
    for each in found:
        assert each["additionalProperties"] is False
        assert each["required"] == list(each["properties"])
    assert not {"minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum"} & set(
        json.dumps(SCHEMA).split('"')
    )


content = st.text(
    st.characters(blacklist_categories=["Cc", "Cs"]) | st.sampled_from('\n\r\t`{}[]"\\'), min_size=1
).filter(lambda text: bool(text.strip()))
conversations = st.lists(st.tuples(content, content), min_size=1, max_size=8)
wrappings = st.sampled_from(
    ["{}", "```json\n{}\n```", "Here you go: {} Anything else?", "[sic] {{persona}} {}\n"]
)


@unhurried
@given(pairs=conversations, wrapping=wrappings, ascii_only=st.booleans(), indent=st.sampled_from([None, 2]))
def test_any_conversation_survives_any_packaging(
    pairs: list[tuple[str, str]], wrapping: str, indent: int | None, *, ascii_only: bool
) -> None:
    spoken = [each for pair in pairs for each in (("user", pair[0]), ("assistant", pair[1]))]
    listed = [{"role": role, "content": text} for role, text in spoken]
    text = json.dumps({"title": "T", "turns": listed}, ensure_ascii=ascii_only, indent=indent)
    draft = read(reply(wrapping.replace("{}", text)))
    assert draft == Draft("T", tuple(TurnDraft(role, said) for role, said in spoken))


jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["turns", "role", "content", "title"]) | st.text(), inner)
    ),
)


@unhurried
@given(
    st.text() | jsons.map(json.dumps) | st.tuples(st.text(), jsons.map(json.dumps), st.text()).map("".join)
)
@example('{"turns": [null]}')
@example('[{"role": []}]')
@example('x [{"role": {}}]')
def test_nothing_but_our_errors_is_ever_raised(text: str) -> None:
    try:
        draft = read(reply(text))
    except (Declined, Unusable) as raised:
        str(raised).encode()
    else:
        assert len(draft.turns) >= 2


def seconds(text: str) -> float:
    """Of CPU: other processes of the machine do not count."""
    best = float("inf")
    for _ in range(3):
        started = time.thread_time()
        with contextlib.suppress(Unusable):
            read(reply(text))
        best = min(best, time.thread_time() - started)
    return best


@pytest.mark.lengthy
@pytest.mark.parametrize(
    "unit",
    [
        "{",
        "[{",
        '{"a',
        '{"a":[',
        '{"turns":',
        '"\\',
        "{ " + " " * 50,
        '{"a":1}',
        "```",
        '[{"role":"user"},',
        "x" * 10,
    ],
)
def test_a_long_reply_takes_linear_time(unit: str) -> None:
    small = unit * (50_000 // len(unit))
    assert seconds(small * 8) < 24 * max(seconds(small), 0.005)


def test_two_megabytes_of_conversation() -> None:
    big = turns(*[("user", "ä" * 5_000), ("assistant", "b" * 5_000)] * 200)
    assert len(read(reply(f"Sure!\n```json\n{big}\n```")).turns) == 400
