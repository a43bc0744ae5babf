"""Keys that somebody changes: what is kept, what clashes, and where the other key then stands."""

import pytest
from django.test import Client

from workspaces.web.keymap import SINGLE, KeyClash, check_keymap, list_translations, read_keymap, write_keymap

PAGE = "/settings/keyboard/"


def name(key: str) -> str:
    return f"key-{ord(key)}"


@pytest.mark.parametrize("changed", [{}, {"a": "q"}, {"a": "n", "n": "a"}, {"?": "!", "1": "A"}])
def test_what_was_changed_is_read_again(changed: dict[str, str]) -> None:
    check_keymap(changed)
    assert read_keymap(write_keymap(changed)) == changed


@pytest.mark.parametrize(
    "text", ["a", "an", "ag", "a ", "a\x00", "Qq", "a" * 4_000, "aqaz", "a\u0301q", "<script>"]
)
def test_of_a_wrong_cookie_nothing_is_read(text: str) -> None:
    assert read_keymap(text) == {} or text == "aqaz"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"a": "n"}, "two things"),
        ({"a": "q", "n": "q"}, "two things"),
        ({"a": "g"}, "cannot be a key"),
        ({"a": " "}, "cannot be a key"),
        ({"a": "ab"}, "cannot be a key"),
        ({"Q": "q"}, "no key"),
    ],
)
def test_what_clashes_is_said(changed: dict[str, str], words: str) -> None:
    with pytest.raises(KeyClash, match=words):
        check_keymap(changed)


def test_the_script_is_told_of_both_ends() -> None:
    assert list_translations({"a": "q"}) == ["q=a", "a="]
    assert list_translations({"a": "n", "n": "a"}) == ["n=a", "a=n"]


@pytest.mark.django_db
def test_a_key_is_changed_and_brought_back(signed_in: Client) -> None:
    page = signed_in.get(PAGE).text
    assert page.count('class="input"\n          id="key-') == len(SINGLE)
    assert 'data-keymap=""' in page
    assert signed_in.post(PAGE, {"change": "1", name("f"): "q", name("j"): ""}).status_code == 302
    page = signed_in.get("/conversations/").text
    assert 'data-keymap="q=f f="' in page
    assert 'aria-keyshortcuts="q"' in page
    assert 'data-map="f">q</kbd>' in page
    signed_in.post(PAGE, {"change": "1", "reset": "1"})
    assert 'data-keymap=""' in signed_in.get(PAGE).text


@pytest.mark.django_db
def test_two_places_cannot_have_one_key(signed_in: Client) -> None:
    answer = signed_in.post(PAGE, {"change": "1", name("f"): "j"})
    assert answer.status_code == 422
    assert "would do two things" in answer.text
    assert "Nothing was changed" in answer.text
    assert "keymap" not in signed_in.cookies
