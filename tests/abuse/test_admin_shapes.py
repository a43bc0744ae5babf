"""Every page and form of the admin takes the ten worst shapes, asked by a superuser."""

from urllib.parse import quote, urlsplit

import pytest

from tests.abuse.asking import Asker
from tests.abuse.html_forms import FoundForm, Pairs
from tests.abuse.sending import FORM, encode, encode_query, mix_pairs, vary_pairs
from tests.abuse.shapes import TEXTS, Shape
from tests.abuse.surface import Surface, crawl, list_admin, open_page, open_places
from tests.abuse.world import World, find_admin_model
from tests.access.urls import Url

pytestmark = [pytest.mark.django_db, pytest.mark.lengthy]
LONGEST_PATH = 3_000
ADD, CHANGE = "_add", "_change"
QUERIES = {
    "q",
    "p",
    "o",
    "all",
    "e",
    "_to_field",
    "_popup",
    "_changelist_filters",
    "term",
    "field_name",
    "model_name",
}


@pytest.fixture(scope="module")
def surface(boss: Asker, world: World) -> Surface:
    """The forms of rows that may be added, and of their change."""
    found = Surface()
    urls = {url.name: url for url in list_admin() if url.name.endswith((ADD, CHANGE, "_password_change"))}
    for name, url in urls.items():
        if not name.endswith(CHANGE) or name.removesuffix(CHANGE) + ADD in found.forms:
            open_page(boss, found, next(world.paths(url)), "")
    return found


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_page_opens_with_its_links(boss: Asker, world: World) -> None:
    crawl(boss, world, list_admin())
    boss.check()


def test_every_page_opens(boss: Asker, surface: Surface) -> None:
    boss.check()


def list_forms(surface: Surface) -> list[tuple[str, FoundForm, Pairs]]:
    """The forms with their first button: the others say where to go on."""
    return [
        (name, form, form.list_ways()[0])
        for name, forms in surface.forms.items()
        for form in sorted(forms, key=lambda form: -len(form.names))[:1]
    ]


def post(boss: Asker, name: str, form: FoundForm, what: str, pairs: Pairs) -> None:
    address = urlsplit(form.action)
    boss.ask(
        "POST", address.path, what, name=name, body=encode(pairs), content_type=FORM, query=address.query
    )


def test_forms(boss: Asker, surface: Surface) -> None:
    for turn, (name, form, way) in enumerate(list_forms(surface)):
        post(boss, name, form, "mixed", mix_pairs(way, turn))
    boss.check()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("shape", Shape)
def test_every_field_of_forms(boss: Asker, surface: Surface, shape: Shape) -> None:
    for name, form, way in list_forms(surface):
        for what, pairs in vary_pairs(way, shape):
            post(boss, name, form, what, pairs)
    boss.check()


def list_names(surface: Surface, url: Url) -> Pairs:
    return [(name, "1") for name in sorted(QUERIES | surface.queries[url.name] | list_filters(url.name))]


def list_filters(name: str) -> set[str]:
    """The columns of a list, as its filters name them."""
    model = find_admin_model(name) if name.endswith("_changelist") else None
    return {f"{field.name}__exact" for field in model._meta.concrete_fields} if model else set()


def test_queries_and_paths(boss: Asker, world: World, surface: Surface) -> None:
    for turn, url in enumerate(list_admin()):
        if url.name.endswith(("_changelist", ":autocomplete")):
            query = encode_query(mix_pairs(list_names(surface, url), turn))
            boss.ask("GET", next(world.paths(url)), "a mixed query", name=url.name, query=query)
        send_odd_paths(boss, url, list(Shape)[turn % len(Shape)], most=1)
    boss.check()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("shape", Shape)
def test_every_query_and_path(boss: Asker, world: World, surface: Surface, shape: Shape) -> None:
    for url in list_admin():
        for what, pairs in vary_pairs(list_names(surface, url), shape):
            boss.ask("GET", next(world.paths(url)), what, name=url.name, query=encode_query(pairs))
        send_odd_paths(boss, url, shape, most=3)
    boss.check()


def send_odd_paths(boss: Asker, url: Url, shape: Shape, *, most: int) -> None:
    for place in open_places(url):
        for text in TEXTS[shape][:most]:
            odd = quote(text.encode("utf-8", "surrogatepass")[:LONGEST_PATH])
            path = url.path({**dict.fromkeys(url.parameters, "1"), place: odd})
            boss.ask("GET", path, f"{shape} in the path", name=url.name)
