"""Every page and every form that a page shows takes the ten worst shapes in its fields, its query, its path and its headers."""

from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import pytest

from tests.abuse import honest
from tests.abuse.asking import Asker
from tests.abuse.html_forms import FoundForm, Pairs
from tests.abuse.naughty import mix_texts, vary_texts
from tests.abuse.sending import (
    FORM,
    MULTIPART,
    encode,
    encode_multipart,
    encode_query,
    mix_pairs,
    vary_headers,
    vary_pairs,
)
from tests.abuse.shapes import TEXTS, Shape
from tests.abuse.surface import (
    Surface,
    crawl,
    list_pages,
    open_page,
    open_places,
    read_query_names_of_sources,
)
from tests.abuse.world import WORDS, World
from tests.access.urls import Url

pytestmark = [pytest.mark.django_db, pytest.mark.lengthy]
LONGEST_PATH = 3_000
SIGN_IN = "/sign-in/"


@pytest.fixture(scope="module")
def surface(asker: Asker, nobody: Asker, world: World) -> Surface:
    found = crawl(asker, world, list_pages())
    open_page(nobody, found, SIGN_IN, "")
    return found


def test_every_page_opens(asker: Asker, surface: Surface) -> None:
    assert sum(map(len, surface.pages.values())) > 100
    asker.check()


def test_every_form_is_covered(asker: Asker, world: World, surface: Surface) -> None:
    missing = []
    for url in list_pages():
        answers = {asker.ask("POST", path, "empty", name=url.name).status_code for path in world.paths(url)}
        if answers != {405} and url.name not in surface.forms and url.name not in honest.FORMS:
            missing.append(url.name)
    assert not missing, (
        f"no page of tests/abuse/world.py shows a form for {', '.join(missing)}: make the row there that shows it, "
        "or write into FORMS of tests/abuse/honest.py what is posted"
    )


def list_forms(world: World, surface: Surface, *, most: int) -> Iterator[tuple[str, FoundForm, Pairs]]:
    """(name of the URL, form, what a browser would send with one of its buttons), for the longest forms of each URL."""
    unseen = {
        url.name: [FoundForm(next(world.paths(url)), "post", fields=honest.FORMS[url.name])]
        for url in list_pages()
        if url.name in honest.FORMS
    }
    for name, forms in (unseen | surface.forms).items():
        for form in sorted(forms, key=lambda form: -len(form.names))[:most]:
            for way in form.list_ways()[-most:]:
                yield name, form, way


def post(asker: Asker, name: str, form: FoundForm, what: str, pairs: Pairs) -> None:
    address = urlsplit(form.action)
    body, kind = (encode_multipart(pairs, []), MULTIPART) if form.files else (encode(pairs), FORM)
    asker.ask("POST", address.path, what, name=name, body=body, content_type=kind, query=address.query)


def test_forms(asker: Asker, nobody: Asker, world: World, surface: Surface) -> None:
    for turn, (name, form, way) in enumerate(list_forms(world, surface, most=1)):
        post(nobody if name == "sign_in" else asker, name, form, "mixed", mix_pairs(way, turn))
    asker.check()
    nobody.check()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("shape", Shape)
def test_every_field_of_forms(
    asker: Asker, nobody: Asker, world: World, surface: Surface, shape: Shape
) -> None:
    for name, form, way in list_forms(world, surface, most=2):
        for what, pairs in vary_pairs(way, shape):
            post(nobody if name == "sign_in" else asker, name, form, what, pairs)
    asker.check()
    nobody.check()


def test_naughty_strings_in_forms(asker: Asker, nobody: Asker, world: World, surface: Surface) -> None:
    for turn, (name, form, way) in enumerate(list_forms(world, surface, most=1)):
        post(nobody if name == "sign_in" else asker, name, form, "naughty strings", mix_texts(way, turn))
    asker.check()
    nobody.check()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_naughty_strings_in_every_field_of_forms(
    asker: Asker, nobody: Asker, world: World, surface: Surface
) -> None:
    for turn, (name, form, way) in enumerate(list_forms(world, surface, most=1)):
        for what, pairs in vary_texts(way, turn):
            post(nobody if name == "sign_in" else asker, name, form, what, pairs)
    asker.check()
    nobody.check()


def list_names(surface: Surface, url: Url) -> Pairs:
    return [(name, "1") for name in sorted(read_query_names_of_sources() | surface.queries[url.name])]


def test_queries_paths_and_headers(asker: Asker, world: World, surface: Surface) -> None:
    for turn, url in enumerate(list_pages()):
        path = next(world.paths(url))
        shape = list(Shape)[turn % len(Shape)]
        headers = {**next(vary_headers(shape))[1], **ask_as_htmx(path, shape)}
        query = encode_query(mix_pairs(list_names(surface, url), turn))
        asker.ask(
            "GET", path, f"a mixed query and {shape} in headers", name=url.name, query=query, headers=headers
        )
        for shape in Shape:
            send_odd_paths(asker, world, url, shape, most=1)
    asker.check()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("shape", Shape)
def test_every_query(asker: Asker, world: World, surface: Surface, shape: Shape) -> None:
    for url in list_pages():
        path = next(world.paths(url))
        for what, pairs in vary_pairs(list_names(surface, url), shape):
            asker.ask("GET", path, what, name=url.name, query=encode_query(pairs))
        send_odd_paths(asker, world, url, shape, most=99)
        for what, headers in vary_headers(shape):
            asker.ask("GET", path, what, name=url.name, headers={**headers, **ask_as_htmx(path, shape)})
    asker.check()


def send_odd_paths(asker: Asker, world: World, url: Url, shape: Shape, *, most: int) -> None:
    known = {name: words[0] for name, words in {**WORDS, **world.rows}.items()}
    for place in open_places(url):
        for text in TEXTS[shape][:most]:
            odd = quote(text.encode("utf-8", "surrogatepass")[:LONGEST_PATH])
            asker.ask("GET", url.path({**known, place: odd}), f"{shape} in the path", name=url.name)


def ask_as_htmx(path: str, shape: Shape) -> dict[str, str]:
    """The headers of htmx, which its middleware reads for us."""
    query = encode_query([(name, TEXTS[shape][0]) for name in ("page", "show", "q")])
    address = f"http://testserver{path}?{query}"
    return {"HX-Request": "true", "HX-Target": "div#dialog-body", "HX-Current-URL": address}
