"""What may be sent where: every URL of the resolver, and every form and every name in a query that a page shows.

Nothing is listed by hand but what no page shows (`tests/abuse/honest.py`).
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.urls import Resolver404, resolve

from tests.abuse.asking import Asker
from tests.abuse.html_forms import FoundForm, read_page, read_query_names
from tests.abuse.world import World
from tests.access.urls import Url, every_url
from tests.guards.sources import ROOMS, ROOT

MOST_LINKED = (
    2  # pages of one URL with the same names in their query: the fiftieth item of a plan shows no other form
)
QUERY = re.compile(r"(?:GET|query|query_params)(?:\.get\(|\.getlist\(|\[)\"(\w+)\"")
API = "/api/"


@dataclass
class Surface:
    """By the name of a URL: the forms that lead to it, and the names that links and forms put into its query."""

    forms: dict[str, list[FoundForm]] = field(default_factory=lambda: defaultdict(list))
    queries: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    pages: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def is_admin(url: Url) -> bool:
    return url.name.startswith("admin:")


def is_api(url: Url) -> bool:
    return url.form.startswith(API)


def list_pages() -> list[Url]:
    return [url for url in every_url() if not is_admin(url) and not is_api(url)]


def list_admin() -> list[Url]:
    return [url for url in every_url() if is_admin(url)]


def list_api() -> list[Url]:
    return [url for url in every_url() if is_api(url)]


@cache
def name_of(path: str) -> str:
    """The name of the URL that serves this path; empty where none does."""
    try:
        found = resolve(path)
    except (Resolver404, ValueError):
        return ""
    return ":".join([*found.namespaces, found.url_name or ""])


def crawl(asker: Asker, world: World, urls: Iterable[Url]) -> Surface:
    """Opens every page of the world, and some of what each links to. Static files and the API are left out."""
    surface = Surface()
    linked: list[tuple[str, str]] = []
    for url in urls:
        for path in world.paths(url):
            linked += open_page(asker, surface, path, "")
    names, seen = {url.name for url in urls}, Counter[Any]()
    while linked:
        path, query = linked.pop(0)
        kind = (name_of(path), tuple(sorted({name for name, _ in parse_qsl(query)})))
        if kind[0] in names and (kind[1] or kind[0] not in surface.pages) and seen[kind] < MOST_LINKED:
            seen[kind] += 1
            linked += open_page(asker, surface, path, query)
    return surface


def open_page(asker: Asker, surface: Surface, path: str, query: str) -> list[tuple[str, str]]:
    """Keeps the forms of a page, and returns the addresses that it links to or leads to."""
    answer = asker.ask("GET", path, "as a link", name=name_of(path), query=query)
    if answer.status_code == 302:
        target = urlsplit(answer["Location"])
        return [] if target.netloc else [(target.path, target.query)]
    if "text/html" not in answer.get("Content-Type", "") or answer.status_code >= 400:
        return []
    return read_answer(surface, answer, f"{path}?{query}" if query else path)


def read_answer(surface: Surface, answer: Any, address: str) -> list[tuple[str, str]]:
    forms, links = read_page(answer.content.decode(), address)
    name = name_of(urlsplit(address).path)
    surface.pages[name].append(address)
    for form in forms:
        target = urlsplit(form.action)
        if target.netloc:
            continue
        if form.method == "get":
            surface.queries[name_of(target.path)] |= form.names
        elif is_new(form, surface.forms[name_of(target.path)]):
            surface.forms[name_of(target.path)].append(form)
    inside = [urlsplit(link) for link in links if not urlsplit(link).netloc]
    for link in inside:
        surface.queries[name_of(link.path)] |= set(read_query_names({link.geturl()}))
    return [(link.path, link.query) for link in inside if not link.path.startswith(("/static/", API))]


def is_new(form: FoundForm, known: list[FoundForm]) -> bool:
    """Forms of the same fields are one: fifty rows of a plan have the same buttons."""
    return describe_fields(form) not in map(describe_fields, known)


def describe_fields(form: FoundForm) -> tuple[str, ...]:
    return tuple(sorted({re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", "#", name) for name in form.names}))


@cache
def read_texts_of_sources() -> tuple[str, ...]:
    return tuple(path.read_text() for room in ROOMS for path in (ROOT / room).rglob("*.py"))


@cache
def read_query_names_of_sources() -> frozenset[str]:
    """The names in queries that our code asks for, wherever it does."""
    return frozenset(name for text in read_texts_of_sources() for name in QUERY.findall(text))


def open_places(url: Url) -> Iterator[str]:
    """The places of an address that take any word or number, and no key of a row."""
    yield from (name for name in url.parameters if not name.endswith("_id") or is_admin(url))
