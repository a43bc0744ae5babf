"""Every endpoint of the API, found in the resolver, takes the ten worst shapes in its body, its query and its headers."""

import json
from typing import Any, NamedTuple

import pytest

from tests.abuse import honest
from tests.abuse.asking import Asker
from tests.abuse.naughty import NAUGHTY, vary_bodies
from tests.abuse.sending import JSON, encode_query, mix_json, mix_pairs, vary_headers, vary_json, vary_pairs
from tests.abuse.shapes import Shape
from tests.abuse.surface import list_api
from tests.abuse.world import World
from tests.access.urls import Url

pytestmark = [pytest.mark.django_db, pytest.mark.lengthy]
METHODS = ("POST", "PUT", "PATCH", "DELETE")
# A single generation would wait for its conversation.
AT_ONCE = {"Prefer": "respond-async"}


@pytest.fixture(scope="module")
def writing(asker: Asker, world: World) -> list[tuple[Url, str]]:
    """The endpoints with each method that they take and that may have a body."""
    return [
        (url, method)
        for url in list_api()
        for method in METHODS
        if send(asker, method, next(world.paths(url)), "empty", b"{}", name=url.name).status_code != 405
    ]


def send(asker: Asker, method: str, path: str, what: str, body: bytes, *, name: str) -> Any:
    return asker.ask(method, path, what, name=name, body=body, content_type=JSON, headers=AT_ONCE)


class Valid(NamedTuple):
    """A request that is accepted; `name` is that of its URL."""

    method: str
    path: str
    name: str
    body: honest.Body


@pytest.fixture(scope="module")
def valid(asker: Asker, writing: list[tuple[Url, str]], world: World) -> list[Valid]:
    """Each valid body with the row of the world that takes it: a body that is refused says nothing about its fields."""
    found, refused = [], []
    for url, method in writing:
        for place, make in enumerate(honest.BODIES.get(f"{method} {url.name}", [])):
            each, why = find_accepted(asker, method, url, list(world.paths(url)), make(world))
            found.append(each)
            refused += [f"{method} {url.name}, body {place}: {why}"] if why else []
    assert not refused, "\n".join(["mend these bodies in tests/abuse/honest.py:", *refused])
    return found


def find_accepted(
    asker: Asker, method: str, url: Url, paths: list[str], body: honest.Body
) -> tuple[Valid, str]:
    answer = None
    for path in paths:
        answer = send(asker, method, path, "honest", json.dumps(body).encode(), name=url.name)
        if answer.status_code < 300:
            return Valid(method, path, url.name, body), ""
    why = answer.text[:300] if answer is not None and url.name != "api_unknown" else ""
    return Valid(method, paths[0], url.name, body), why


def test_every_endpoint_is_covered(writing: list[tuple[Url, str]]) -> None:
    found = {f"{method} {url.name}" for url, method in writing}
    missing = sorted(found - honest.BODIES.keys())
    assert not missing, f"add a valid body for {', '.join(missing)} to BODIES in tests/abuse/honest.py"
    gone = sorted(honest.BODIES.keys() - found)
    assert not gone, f"take {', '.join(gone)} out of BODIES in tests/abuse/honest.py: no endpoint takes it"


def test_bodies(asker: Asker, valid: list[Valid]) -> None:
    """Every second value of each body; the others in the slow run, with all shapes."""
    for turn, each in enumerate(valid):
        for what, body in list(mix_json(each.body, turn))[turn % 2 :: 2]:
            send(asker, each.method, each.path, what, body, name=each.name)
    asker.check()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("shape", Shape)
def test_bodies_with_every_value_in_every_place(asker: Asker, valid: list[Valid], shape: Shape) -> None:
    for each in valid:
        for what, body in vary_json(each.body, shape):
            send(asker, each.method, each.path, what, body, name=each.name)
    asker.check()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_naughty_strings_in_every_place(asker: Asker, valid: list[Valid]) -> None:
    for turn, each in enumerate(valid):
        for what, body in vary_bodies(each.body, turn):
            send(asker, each.method, each.path, what, body, name=each.name)
    asker.check()


@pytest.mark.parametrize(
    "texts", [NAUGHTY[::40], pytest.param(NAUGHTY, marks=pytest.mark.slow)], ids=["some", "all"]
)
def test_a_naughty_string_is_stored_to_the_byte_or_refused(
    asker: Asker, world: World, texts: list[str]
) -> None:
    """An entry of the library takes any text as its context; what is refused is refused by name, with 400."""
    for text in texts:
        given = {"name": "A name", "topic": "a topic", "context": text}
        body = json.dumps(given).encode()
        answer = send(asker, "POST", "/api/scenarios", repr(text), body, name="api_scenarios")
        told = answer.json()
        stored = told["scenario"]["context"] if answer.status_code == 201 else None
        assert stored in (text, text.strip()) or (answer.status_code == 400 and told["details"]), text
    asker.check()


def test_queries_and_headers(asker: Asker, world: World) -> None:
    for turn, url in enumerate(list_api()):
        path = next(world.paths(url))
        honest_query = [(name, "1") for name in find_known_names(asker, path)]
        for each in range(3):
            query = encode_query(mix_pairs(honest_query, turn + 3 * each))
            asker.ask("GET", path, "a mixed query", name=url.name, query=query)
        for what, headers in vary_headers(list(Shape)[turn % len(Shape)]):
            asker.ask("POST", path, what, name=url.name, body=b"{}", content_type=JSON, headers=headers)
    asker.check()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("shape", Shape)
def test_every_query(asker: Asker, world: World, shape: Shape) -> None:
    for url in list_api():
        path = next(world.paths(url))
        honest_query = [(name, "1") for name in find_known_names(asker, path)]
        for what, pairs in vary_pairs(honest_query, shape):
            asker.ask("GET", path, what, name=url.name, query=encode_query(pairs))
        for what, headers in vary_headers(shape):
            asker.ask("POST", path, what, name=url.name, body=b"{}", content_type=JSON, headers=headers)
    asker.check()


def find_known_names(asker: Asker, path: str) -> list[str]:
    """The names of a query: the API says which it knows when it is given one that it does not."""
    answer = asker.ask("GET", path, "an unknown name", query="no-such-name=1").content.decode()
    listed = answer.partition("Known are: ")[2].partition('"')[0].rstrip(".")
    return [name.strip() for name in listed.split(",") if name.strip()]
