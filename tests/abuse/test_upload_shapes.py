"""Every field for a file takes files of the ten worst shapes, and files with the worst names."""

import json
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import pytest

from tests.abuse.asking import Asker
from tests.abuse.html_forms import FoundForm
from tests.abuse.sending import MULTIPART, encode_multipart
from tests.abuse.shapes import MANY, NUMBERS, TEXTS, Shape
from tests.abuse.surface import crawl, list_pages
from tests.abuse.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.lengthy]

HEAD = b"kind,name,topic\n"  # all that scenarios, options and plans need
ROW = b"tone,a,b\n"
TEMPLATE = '[[template]]\nname = "Another"\ntier = "template"\ntext = "About {{topic}}."\n'
TABLE = "\n[[template.variables]]\nname = "
NAMES = [f"c{number}" for number in range(16_000)]
RECORD = {"kind": "tone", "name": "a", "topic": "b"}

FILES: Mapping[Shape, list[bytes]] = {
    Shape.WIDE: [
        ",".join(["name", "topic", *NAMES]).encode() + b"\na" + b",x" * 16_000,
        json.dumps([{}] * MANY).encode(),
        json.dumps([RECORD | dict.fromkeys(NAMES, "x")]).encode(),
        (TEMPLATE + "language = [" + "1," * MANY + "]").encode(),
        b"[" + b"[]," * 200_000 + b"[]]",
    ],
    Shape.DEEP: [
        b"[" * 5_000 + b"]" * 5_000,
        b'[{"name":' * 5_000 + b"1" + b"}]" * 5_000,
        json.dumps([RECORD | {"parameters": {"a": {"b": [[[["c"]]]]}}}]).encode(),
        (TEMPLATE + "model = " + "[" * 5_000 + "]" * 5_000).encode(),
        ("a." * 12_000 + "b = 1").encode(),
        ("[" + "a." * 12_000 + "b]").encode(),
    ],
    Shape.LONG_NAME: [
        b"name,topic," + b"n" * 100_000 + b"\na,b,c\n",
        json.dumps([RECORD | {"n" * 100_000: "x"}] * 10).encode(),
        (TEMPLATE + "n" * 100_000 + " = 1").encode(),
        (TEMPLATE + TABLE + json.dumps("n" * 100_000)).encode(),
        HEAD + b"tone," + b"n" * 100_000 + b",b\n",
    ],
    Shape.MANY_FIELDS: [
        ",".join(["name", "topic", *NAMES[:150]]).encode() + b"\n" + (b"a,b" + b",x" * 150 + b"\n") * 500,
        json.dumps([RECORD | dict.fromkeys(NAMES[:1_000], "x")] * 50).encode(),
        (TEMPLATE + "".join(f"unknown{number} = 1\n" for number in range(MANY))).encode(),
        (TEMPLATE + "".join(f'{TABLE}"v{number}"\n' for number in range(3_000))).encode(),
    ],
    Shape.HUGE_NUMBER: [
        b"kind,name,topic,weight,position\n"
        + "".join(f"tone,a,b,{text},{text}\n" for text in NUMBERS).encode(),
        *(
            b'[{"kind": "tone", "name": "a", "topic": "b", "weight": %s}]' % text.encode()
            for text in NUMBERS[:9]
        ),
        *(
            (TEMPLATE + f"turns_min = {text}").encode()
            for text in ("9" * 5_000, "1e400", "inf", "nan", "9999-12-31")
        ),
        (TEMPLATE + f'{TABLE}"age"\ntype = "number"\nmaximum = {"9" * 4_000}').encode(),
    ],
    Shape.NUL: [
        HEAD + b"tone,a\0b,c\0\n",
        b"na\0me,topic\na,b\n",
        rb'[{"kind": "tone", "name": "a\u0000", "topic": "b\u0000", "\u0000": 1}]',
        (TEMPLATE + 'model = "a\\u0000b"').encode(),
        TEMPLATE.encode() + b"\0",
        b"\0" * 1_000,
    ],
    Shape.SURROGATE: [
        HEAD + b"tone,a\xed\xa0\x80,b\n",
        rb'[{"kind": "tone", "name": "a\ud800", "topic": "b\udfff", "\ud800": 1}]',
        (TEMPLATE + 'model = "a\\ud800b"').encode(),
        b"\xff\xfe\x00\xd8",
        b"\xfe\xff\xd8\x00",
    ],
    Shape.REPEATED: [
        b"name,topic" * 1 + b",name" * 150 + b"\na,b\n",
        b"[" + ",".join(["{" + ",".join(['"name": "a"'] * 200) + "}"] * 100).encode() + b"]",
        (TEMPLATE + 'model = "a"\n' * 1_000).encode(),
        HEAD + ROW * 5_000,
        TEMPLATE.encode() * 1_000,
    ],
    Shape.QUADRATIC: [
        b'"' * 99_999,
        HEAD + b'"a""' * MANY,
        HEAD + b'\\"' * MANY,
        b"\n" * 150_000 + HEAD + ROW,
        b"name;topic,|\t" * 10_000,
        (TEMPLATE + 'model = """' + '"" ' * MANY).encode(),
        (TEMPLATE + "a" * MANY).encode(),
        (TEMPLATE + "#" * MANY + "\n" + " " * MANY).encode(),
        b"sep=" + b";" * MANY,
        b'{"name": "' + b"\\" * MANY,
        *(HEAD + f"tone,{json.dumps(text)},b\n".encode() for text in TEXTS[Shape.QUADRATIC]),
    ],
    Shape.WRONG_TYPE: [
        b"",
        b"\n",
        b"null",
        b"1",
        b"[1, null, true, [], {}]",
        b'[{"name": {}, "topic": [1], "kind": null, "tags": 1, "parameters": [], "weight": true}]',
        b'{"scenarios": {"a": 1}}',
        b"%PDF-1.4",
        b"PK\x03\x04" + b"\0" * 100,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
        b"<html><table>",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        bytes(range(256)),
        b"template = 1\n[[item]]\nname = [1, {a = 1}]\n",
        b'[[template]]\nname = 1\ntier = []\ntext = {}\nvariables = 7\nturns_min = "a"\nsyntax = 99\n',
        b'[template]\nname = "a"\n[[template.variables]]\nname = 1\noptions = 1\nminimum = "a"\ntype = []\n',
    ],
}
FILE_NAMES = {shape: texts[0][:5_000].replace("\r", "").replace("\n", "") for shape, texts in TEXTS.items()}


@pytest.fixture(scope="module")
def forms(asker: Asker, world: World) -> list[tuple[str, FoundForm]]:
    """The forms with a field for a file, which each upload has a page of its own for."""
    surface = crawl(asker, world, [url for url in list_pages() if not set(url.parameters) - {"kind"}])
    return [(name, form) for name, found in surface.forms.items() for form in found if form.files]


def test_the_uploads_are_found(forms: list[tuple[str, FoundForm]]) -> None:
    assert len({name for name, _ in forms}) >= 5


def list_uploads(form: FoundForm, shape: Shape) -> Iterator[tuple[str, bytes]]:
    for number, content in enumerate(FILES[shape]):
        for field in form.files:
            yield (
                f"{shape} {number} as {field}",
                encode_multipart(form.fields, [(field, "rows.csv", content)]),
            )
    for field in form.files:
        named = (field, FILE_NAMES[shape].replace('"', "'"), HEAD + ROW)
        yield f"{shape} in the name of {field}", encode_multipart(form.fields, [named])
    whole = encode_multipart(form.fields, [(field, "rows.csv", HEAD + ROW) for field in form.files])
    if shape == Shape.WRONG_TYPE:
        yield "a body that ends early", whole[: len(whole) // 2]
        yield "a body without its boundary", whole.replace(b"--", b"__")
    if shape == Shape.REPEATED:
        yield "a file often", encode_multipart(form.fields, [(form.files[0], "rows.csv", ROW)] * 90)


def test_uploads(asker: Asker, forms: list[tuple[str, FoundForm]]) -> None:
    for shape in Shape:
        for turn, (name, form) in enumerate(forms):
            for what, body in list(list_uploads(form, shape))[turn :: len(forms)]:
                asker.ask(
                    "POST", urlsplit(form.action).path, what, name=name, body=body, content_type=MULTIPART
                )
    asker.check()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("shape", Shape)
def test_every_file_in_every_upload(asker: Asker, forms: list[tuple[str, FoundForm]], shape: Shape) -> None:
    for name, form in forms:
        for what, body in list_uploads(form, shape):
            asker.ask("POST", urlsplit(form.action).path, what, name=name, body=body, content_type=MULTIPART)
    asker.check()
