"""The inputs that once took the web process down, each as large as it may be: answered in seconds, in little memory.

Processor time of the thread is measured, because a loaded machine does not stretch it much; and in a second request the most
that Python held at once, because tracemalloc slows a request down.
"""

import json
import math
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import pytest
from django.db import transaction

from batches.models.jobs import LONGEST_NAME
from batches.planning.plan import LARGEST_PLAN
from batches.planning.sources.csv_file import BOUNDS as PLAN_BOUNDS
from batches.planning.sources.matrix_wire import MOST_VALUES
from exports.importing.reading.records import BOUNDS as IMPORT_BOUNDS
from exports.reviewing.reading import BOUNDS as REVIEW_BOUNDS
from lib.untrusted.json_bodies import LARGEST_BODY
from templates_app.library.sheet import BOUNDS
from templates_app.packs.template_file import LARGEST as LARGEST_TEMPLATE
from templates_app.prompts.checks import LONGEST_TEXT, MOST_VARIABLES
from templates_app.text.rendering import Variable
from tests import factories
from tests.abuse.asking import Asker
from tests.abuse.sending import FORM, JSON, MULTIPART, encode_multipart
from tests.abuse.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.timeout(900)]

MEGABYTE = 1_000_000
MOST_MEMORY = 150 * MEGABYTE
MOST_CPU_S = 2.0
HONEST_CPU_S = 10.0
LARGEST_PAGE = 8 * MEGABYTE
START = "/api/conversations/generate-batch"
ESTIMATE = "/api/conversations/batch/estimate"


class Request(NamedTuple):
    """`most_s` is in seconds of processor time."""

    method: str
    path: str
    body: bytes = b""
    content_type: str = JSON
    most_s: float = MOST_CPU_S


def upload(path: str, content: bytes, *, most_s: float = MOST_CPU_S, **fields: str) -> Request:
    body = encode_multipart(list(fields.items()), [("file", "rows.csv", content)])
    return Request("POST", path, body, MULTIPART, most_s)


def post(path: str, body: Any) -> Request:
    return Request("POST", path, json.dumps(body).encode())


def fill(start: str, unit: str, most: int, end: str = "") -> bytes:
    """A text of `most` bytes at the most: the start, a unit as often as it fits, and the end."""
    return (start + unit * ((most - len(start) - len(end)) // len(unit)) + end).encode()


# --- what was attacked -----------------------------------------------------------------------------------


def copy_with_huge_concurrency(world: World) -> Iterator[Request]:
    for number in (100_000_000, 2_147_483_648, 10**29):
        for job in world.rows["job_id"]:
            yield post(f"/api/conversations/batch/{job}/duplicate", {"concurrentProcessing": number})


def import_dotted_keys(world: World) -> Iterator[Request]:
    for start, unit, end in (
        ("", "a.", "b = 1"),
        ("[", "a.", "b]"),
        ("", "a.b.c.d.e.f.g.h.i = 1\n", ""),
        ("a = [", "1,", "]"),
    ):
        yield upload("/templates/import/", fill(start, unit, LARGEST_TEMPLATE, end))


def send_long_names(world: World) -> Iterator[Request]:
    rows = ",".join(f'"k{number}": 1' for number in range(7_000))
    long = f'{{"{"n" * 150_000}": {{{rows}}}}}'
    yield Request("POST", START, long.encode())
    yield Request("POST", START, fill('{"a": {"' + "n" * 150_000 + '": [', "1,", LARGEST_BODY, "1]}}"))
    yield Request(
        "POST", START, fill('{"' + "n" * 200 + '": {"' + "m" * 200 + '": [', '"",', 1_400_000, '""]}}')
    )


def send_unknown_fields(world: World) -> Iterator[Request]:
    body = {f"unknown{number}": 1 for number in range(100_000)}
    yield post(START, body)
    yield post(START, {"name": "x", "templateId": str(world.template.pk), "items": [body]})
    yield post(f"/api/templates/{world.template.pk}/versions", {"variables": [body]})
    yield Request("PATCH", f"/api/conversations/batch/{world.rows['job_id'][0]}", json.dumps(body).encode())


def fill_the_body(world: World) -> Iterator[Request]:
    """As many bytes as an API takes, in the forms that become largest in memory."""
    for start, unit, end in (
        ("[", "[],", "[]]"),
        ("[", "{},", "{}]"),
        ('{"items": [', "1e5,", "1]}"),
        ('{"a": "', "x", '"}'),
        ("[" * 50, "1,", "1"),
    ):
        for most in (1_400_000, LARGEST_BODY):
            yield Request("POST", START, fill(start, unit, most, end))


def upload_wide_tables(world: World) -> Iterator[Request]:
    for path, most in uploads(world):
        for unit in ("c,", "topic,", "a;b|c\td,", '"",', '","', "\n"):
            yield upload(path, fill("name,topic,", unit, most), tier="template")


def upload_json(world: World) -> Iterator[Request]:
    for path, most in uploads(world):
        for start, unit, end in (
            ("[", "{},", "{}]"),
            ("[", "[],", "[]]"),
            ('[{"a": [', "1,", "1]}]"),
            ("", "{}\n", ""),
            ("[", '{"name":"a"},', "{}]"),
        ):
            yield upload(path, fill(start, unit, most, end), tier="template")


def uploads(world: World) -> list[tuple[str, int]]:
    return [
        ("/scenarios/import/", BOUNDS.bytes),
        ("/options/import/", BOUNDS.bytes),
        ("/batches/new/csv/", PLAN_BOUNDS.bytes),
        ("/imports/new/", IMPORT_BOUNDS.bytes),
        ("/reviews/new/", REVIEW_BOUNDS.bytes),
    ]


def compare_symbols(world: World) -> Iterator[Request]:
    """GET of the pages that compare two versions: one line, many lines, many pairs of lines."""
    for before, after in differing_texts():
        template = factories.make_template(workspace=world.template.workspace, text=before, variables=())
        factories.make_version(template=template, text=after, variables=(), published=False)
        for page in ("publish/", "v/1/roll-back/", "diff/1..2/"):
            yield Request("GET", f"/templates/{template.pk}/{page}")


def differing_texts() -> Iterator[tuple[str, str]]:
    symbols = [chr(0x4E00 + number) for number in range(20_000)]
    for many in (1_600, 20_000):
        yield "".join(symbols[:many]), "".join(reversed(symbols[:many]))
    for width in (3, 30, 3_000):
        lines = LONGEST_TEXT // (width + 1)
        texts = [
            "\n".join(f"{salt}{number:05}"[:width].ljust(width, salt) for number in range(lines))
            for salt in "ab"
        ]
        yield texts[0], texts[1]
    pairs = ["".join(symbols[number : number + 1_900]) for number in range(250)]
    yield "\n".join(pairs), "\n".join(line[::-1] for line in pairs)


def show_unknown_names(world: World) -> Iterator[Request]:
    variables = [
        Variable(f"variable_of_the_template_{number}", required=False) for number in range(MOST_VARIABLES)
    ]
    for unit in (
        "{{variable_of_the_templete_%d}}",
        "{{x%d}}",
        "{{x%d ? 'a' : 'b'}}",
        "{{ %d",
        "{{variable_of_the_template_1%.0d}}",
    ):
        text = "".join(unit % number for number in range(LONGEST_TEXT // 25))[:LONGEST_TEXT]
        template = factories.make_template(workspace=world.template.workspace, text=text, variables=variables)
        for page in ("", "v/1/", "edit/", "v/1/test/"):
            yield Request("GET", f"/templates/{template.pk}/{page}")
        yield Request("GET", f"/api/templates/{template.pk}")
        yield Request("GET", f"/api/templates/{template.pk}/versions")
        yield Request("POST", "/templates/new/", urlencode({"text": text, "action": "check"}).encode(), FORM)


def start_matrices(world: World) -> Iterator[Request]:
    """100,000 cells with 2,000 exclusions and as many numbers of their own; axes beyond the bounds."""
    names = ("topic", "tone", "age", "place", "papers")
    values = [[f"{name} {number}" for number in range(10)] for name in names]
    axes = [{"name": name, "values": each} for name, each in zip(names, values, strict=True)]
    cells = [
        {
            name: each[number // 10**place % 10]
            for place, (name, each) in enumerate(zip(names, values, strict=True))
        }
        for number in range(MOST_VALUES)
    ]
    quotas = [{"values": cell, "count": 1} for cell in reversed(cells)]
    for matrix in (
        {"axes": axes, "exclude": cells},
        {"axes": axes, "total": LARGEST_PLAN, "exclude": cells[:1_000], "quotas": quotas[:1_000]},
        {"axes": axes, "exclude": [{"topic": each} for each in values[0]] * 200},
        {"axes": [{"name": "topic", "values": [f"{number}" for number in range(150)]}] * 2_000},
        {
            "axes": [{"name": "topic", "values": [f"{number}" for number in range(MOST_VALUES)]}],
            "perCell": 10**9,
        },
        {"axes": [{"name": "n" * 200, "values": ["a"]}] * 100_000},
        {"axes": axes, "quotas": [{"values": cells[0], "count": 1}] * 50_000},
    ):
        asked = post(ESTIMATE, {"templateId": str(world.template.pk), "matrix": matrix})
        yield asked._replace(most_s=HONEST_CPU_S) if matrix.get("total") == LARGEST_PLAN else asked


def send_many_ids(world: World) -> Iterator[Request]:
    keys = [f"7f0e5e0e-0000-4000-8000-{number:012}" for number in range(LARGEST_PLAN)]
    yield post(ESTIMATE, {"scenarioIds": keys, "edgeCaseIds": keys})
    yield post(ESTIMATE, {"conversationIds": keys})
    yield post(ESTIMATE, {"tags": [f"{number:0100}" for number in range(100)]})
    job = world.rows["job_id"][-4]
    body = {"action": "retry_failed", "itemIds": keys}
    yield Request("PATCH", f"/api/conversations/batch/{job}", json.dumps(body).encode())


def fill_the_forms(world: World) -> Iterator[Request]:
    """Text areas that are read line by line, each with two megabytes of the shortest lines and marks."""
    one = f"template={world.template.pk}"
    for unit in ("a: b\n", "1 | a\n", "a\n", "a;", "{{a}}", "a = b | c\n", "\x01;", "\n"):
        text = unit * (2 * MEGABYTE // len(unit))
        yield fill_form(
            f"/batches/new/matrix/?{one}", how="cell", count="1", exclude=text, quotas=text, details=text
        )
        yield fill_form(
            f"/batches/new/matrix/?{one}",
            **{"how": "cell", "count": "1", "list-topic": text, "list-tone": text},
        )
        yield fill_form(f"/generate/?{one}", **{"value-topic": text, "value-papers": text, "details": text})
        yield fill_form(
            "/templates/new/", action="save", name=text, text=text, system_prompt=text, tier="template"
        )
        yield fill_form("/scenarios/new/", name=text, topic="a", tags=text, context=text)
        yield fill_form("/options/new/", kind="tone", name=text, description=text, weight=text)
        yield fill_form("/settings/terms/", purpose=text, reference=text, authorisation=text)
        yield fill_form(f"/batches/{world.rows['job_id'][0]}/plan/change/", do=text, item=text)


def fill_form(path: str, **fields: str) -> Request:
    return Request("POST", path, encode_multipart(list(fields.items()), []), MULTIPART)


# --- honest, and as large as it may be -------------------------------------------------------------------


def upload_honest_files(world: World) -> Iterator[Request]:
    context = "x" * (BOUNDS.bytes // BOUNDS.rows - 100)
    rows = "".join(f"name {number},topic {number},{context}\n" for number in range(BOUNDS.rows))
    yield upload("/scenarios/import/", f"name,topic,context\n{rows}".encode(), most_s=HONEST_CPU_S)
    topics = "".join(f"topic {number},template,30\n" for number in range(LARGEST_PLAN))
    chosen = {"tier": "template", "csv_template": world.template.name, "name": "x" * LONGEST_NAME}
    yield upload("/batches/new/csv/", f"topic,tier,age\n{topics}".encode(), most_s=HONEST_CPU_S, **chosen)
    row = '{"messages": [{"role": "user", "content": "%s"}, {"role": "assistant", "content": "a"}]}\n'
    for content in (row % "a", row % ("a" * 2_000)):
        yield upload("/imports/new/", fill("", content, IMPORT_BOUNDS.bytes), most_s=HONEST_CPU_S)


ATTACKS: list[Callable[[World], Iterator[Request]]] = [
    copy_with_huge_concurrency,
    import_dotted_keys,
    send_long_names,
    send_unknown_fields,
    fill_the_body,
    upload_wide_tables,
    upload_json,
    compare_symbols,
    show_unknown_names,
    start_matrices,
    send_many_ids,
    fill_the_forms,
    upload_honest_files,
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_the_largest_is_answered_soon_and_in_little_memory(
    asker: Asker, world: World, attack: Callable[[World], Iterator[Request]]
) -> None:
    wrong = []
    # Each request is measured here; a page may show a template, whose text has a megabyte.
    asker.most_cpu_s, asker.largest = math.inf, LARGEST_PAGE
    with transaction.atomic():
        for number, request in enumerate(attack(world)):
            what = f"{attack.__name__} {number}: {request.method} {request.path}, {len(request.body):,} bytes"
            cpu_s, answer = measure_time(asker, request)
            if cpu_s > request.most_s:
                wrong.append(f"{what}: {cpu_s:.1f} s, answer {answer.status_code} {answer.content[:100]!r}")
            if (most := measure_memory(asker, request)) > MOST_MEMORY:
                wrong.append(
                    f"{what}: {most / MEGABYTE:.0f} MB, answer {answer.status_code} {answer.content[:100]!r}"
                )
        transaction.set_rollback(True)
    assert not wrong, "\n".join(wrong)
    asker.check()


def ask(asker: Asker, request: Request) -> Any:
    address = urlsplit(request.path)
    about: dict[str, Any] = {
        "body": request.body,
        "content_type": request.content_type,
        "query": address.query,
    }
    return asker.ask(request.method, address.path, "at the bounds", **about)


def measure_time(asker: Asker, request: Request) -> tuple[float, Any]:
    before = time.thread_time()
    answer = ask(asker, request)
    return time.thread_time() - before, answer


def measure_memory(asker: Asker, request: Request) -> int:
    """The most bytes that Python held during the request, beyond those before it."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        ask(asker, request)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
