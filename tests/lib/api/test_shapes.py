"""Shapes: JSON Schema in few words."""

from lib.api.shapes import (
    ID,
    MOMENT,
    NUMBER,
    TEXT,
    ListOf,
    MapOf,
    Record,
    Word,
    make_example,
    refuse_further_fields,
)

ROOM = Record(name=TEXT.like("Mill"), beds=NUMBER.like(2).or_null, note=TEXT.optional)


def test_a_record_has_its_fields_and_their_examples() -> None:
    assert ROOM["required"] == ["name", "beds"]
    assert list(ROOM["properties"]) == ["name", "beds", "note"]
    assert make_example(ROOM) == {"name": "Mill", "beds": 2}


def test_a_record_goes_on_from_others() -> None:
    assert make_example(Record(ROOM, id=ID)) == {"name": "Mill", "beds": 2, "id": ID["examples"][0]}


def test_null_beside_a_kind() -> None:
    assert MOMENT.or_null["type"] == ["string", "null"]
    assert Word(["a", "b"]).or_null["enum"] == ["a", "b", None]
    assert ROOM.or_null["type"] == ["object", "null"]
    assert ROOM.named("Room").or_null["anyOf"][1] == {"type": "null"}
    assert make_example(ROOM.or_null) == {"name": "Mill", "beds": 2}


def test_examples_of_lists_maps_and_words() -> None:
    assert make_example(ListOf(Word(["a"]))) == ["a"]
    assert make_example(MapOf(TEXT)) == {}
    assert make_example(MapOf(TEXT).like({"x": "y"})) == {"x": "y"}


def test_further_fields_are_refused_everywhere_but_in_maps() -> None:
    found = refuse_further_fields(Record(room=ROOM, free=MapOf()))
    assert found["additionalProperties"] is False
    assert found["properties"]["room"]["additionalProperties"] is False
    assert found["properties"]["free"]["additionalProperties"] is True
