"""What JSON looks like, in few words: JSON Schema (2020-12, that of OpenAPI 3.1) with an example in every place.

`Record(jobId=ID, progress=NUMBER.like(46.7), reason=TEXT.or_null)` is an object of these three fields, and all of them are
there in every answer; `.optional` marks one that may be missing.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Self

OPTIONAL = "x-optional"  # taken out by `Record`
NAME = "x-name"  # taken out where the schema is put together


class Shape(dict[str, Any]):
    """A JSON Schema. The first of its `examples` is shown."""

    def like(self, example: Any) -> Self:
        """The same with this example."""
        return type(self)._copy(self, examples=[example])

    def means(self, description: str) -> Self:
        return type(self)._copy(self, description=description)

    def named(self, name: str) -> Self:
        """The same under a name: the schema describes it once, and refers to it elsewhere."""
        return type(self)._copy(self, **{NAME: name})

    @property
    def or_null(self) -> "Shape":
        """The same, or null. The example stays."""
        if NAME in self or "type" not in self:
            return Shape(anyOf=[self, {"type": "null"}])
        choices = {"enum": [*self["enum"], None]} if "enum" in self else {}
        return Shape({**self, "type": [self["type"], "null"], **choices})

    @property
    def optional(self) -> Self:
        """A field that an answer may leave out; its example does."""
        return type(self)._copy(self, **{OPTIONAL: True})

    @classmethod
    def _copy(cls, shape: Mapping[str, Any], **more: Any) -> Self:
        made = cls.__new__(cls)
        made.update({**shape, **more})
        return made


class Record(Shape):
    """An object: the fields of these records, and these fields."""

    def __init__(self, *parts: "Record", **fields: Shape) -> None:
        properties = {name: shape for part in parts for name, shape in part["properties"].items()}
        required = [name for part in parts for name in part["required"]]
        for name, shape in fields.items():
            properties[name] = Shape({key: value for key, value in shape.items() if key != OPTIONAL})
            if not shape.get(OPTIONAL):
                required.append(name)
        super().__init__(type="object", properties=properties, required=list(dict.fromkeys(required)))

    @classmethod
    def of(cls, shape: Mapping[str, Any]) -> "Record":
        """An object's shape as a record, without its name."""
        return cls._copy({key: shape[key] for key in ("type", "properties", "required")})


class ListOf(Shape):
    """An array. Its example has one."""

    def __init__(self, each: Shape) -> None:
        super().__init__(type="array", items=each)


class MapOf(Shape):
    """An object whose keys are data, such as the names of parameters."""

    def __init__(self, each: Shape | None = None) -> None:
        super().__init__(type="object", additionalProperties=True if each is None else each)


class Word(Shape):
    """One of these words."""

    def __init__(self, choices: Iterable[Any]) -> None:
        super().__init__(type="string", enum=[str(each) for each in choices])


TEXT = Shape(type="string", examples=["..."])
ID = Shape(type="string", format="uuid", examples=["7761c4bd-0c5e-4f0a-9d0c-5a0a3f1d2b6e"])
MOMENT = Shape(type="string", format="date-time", examples=["2026-11-22T18:30:45.820153Z"])
# An exact amount in US dollars, without an exponent.
USD = Shape(type="string", pattern=r"^-?\d+(\.\d+)?$", examples=["0.795364"])
WHOLE = Shape(type="integer", examples=[15])
NUMBER = Shape(type="number", examples=[0.795364])
YES_OR_NO = Shape(type="boolean", examples=[True])
# Any JSON: what people have stored, as they stored it.
ANYTHING = Shape(examples=["44"])


def make_example(shape: Mapping[str, Any]) -> Any:
    """A value of this shape, with every field that is always there."""
    if "examples" in shape:
        return shape["examples"][0]
    if "anyOf" in shape:
        return make_example(shape["anyOf"][0])
    if "enum" in shape:
        return shape["enum"][0]
    if "properties" in shape:
        return {name: make_example(shape["properties"][name]) for name in shape["required"]}
    if "items" in shape:
        return [make_example(shape["items"])]
    return {}


def refuse_further_fields(shape: Any) -> Any:
    """The same where an object has no field that is not described. Answers are checked so; readers are to expect new fields."""
    if isinstance(shape, list):
        return [refuse_further_fields(each) for each in shape]
    if not isinstance(shape, Mapping):
        return shape
    closed = {name: refuse_further_fields(each) for name, each in shape.items() if name != "examples"}
    return {"additionalProperties": False, **closed} if "properties" in closed else closed
