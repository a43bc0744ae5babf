"""The ten worst shapes of what a stranger sends: as texts for fields of forms and addresses, and as JSON.

JSON is written as text, because `1e400`, repeated names and half surrogates have no Python value that `json.dumps` gives back.
What is large here is as large as a quick test allows; `test_at_the_bounds.py` goes to the largest that is allowed.
"""

import json
from collections.abc import Mapping
from enum import StrEnum


class Shape(StrEnum):
    WIDE = "wide"
    DEEP = "deep"
    LONG_NAME = "long name"
    MANY_FIELDS = "many fields"
    HUGE_NUMBER = "huge number"
    NUL = "NUL"
    SURROGATE = "half a surrogate pair"
    REPEATED = "repeated name"
    QUADRATIC = "quadratic text"
    WRONG_TYPE = "wrong type"


MANY = 20_000
SEVERAL = 900  # Django takes 1,000 fields in a form
DEEPER_THAN_ALLOWED = 5_000
AS_DEEP_AS_ALLOWED = 40

# What readers of texts have stumbled over: braces and questions of templates, lines and bars of a matrix, details, and
# what a regular expression tries again from each place.
QUADRATIC = (
    "{{" * MANY,
    "{{a ? 'b" * 2_000,
    "a." * MANY,
    "a: b\n" * MANY,
    "a | " * MANY,
    "1 | a\r\n" * 5_000,
    " " * MANY + "x",
    "\n" * MANY,
    "<a " * MANY,
    "%s;" * MANY,
    "{a}" * 5_000,
    "a" * MANY + "@",
)
NUMBERS = (
    "9" * 5_000,
    "-" + "9" * 30,
    "9223372036854775808",
    "2147483648",
    "100000000",
    "-1",
    "1e400",
    "1e308",
    "1e99999999",
    "-1e-400",
    "NaN",
    "Infinity",
    "٣",
    "²",
    "9999-12-31",
    "0001-01-01",
)

TEXTS: Mapping[Shape, tuple[str, ...]] = {
    Shape.WIDE: ("a," * MANY, "\n".join(map(str, range(SEVERAL)))),
    Shape.DEEP: ("(" * MANY, '{"a":' * DEEPER_THAN_ALLOWED, "[" * AS_DEEP_AS_ALLOWED),
    Shape.LONG_NAME: ("n" * 100_000, "{{" + "n" * MANY + "}}", "x" * 300, "n" * MANY + ": a"),
    Shape.MANY_FIELDS: (" ".join(f"{{{{v{number}}}}}" for number in range(3_000)),),
    Shape.HUGE_NUMBER: NUMBERS,
    Shape.NUL: ("a\0b", "\0", "a: b\0", "{{a\0}}"),
    Shape.SURROGATE: ("a\ud800b", "\udfff", "a: \udc00", "{{\ud800}}"),
    Shape.REPEATED: ("a: b\n" * SEVERAL, "{{a}}" * 5_000, "a" * 5_000),
    Shape.QUADRATIC: QUADRATIC,
    Shape.WRONG_TYPE: (
        "",
        " ",
        "null",
        "[]",
        "true",
        "7f0e5e0e-0000-4000-8000-000000000000",
        "../../x",
        "😀",
        "<b>'\"",
    ),
}


def _number(value: str) -> str:
    return value if value[-1].isascii() and "-12-" not in value and "-01-" not in value else json.dumps(value)


_LONGEST_ALLOWED = "n" * 200
FRAGMENTS: Mapping[Shape, tuple[str, ...]] = {
    Shape.WIDE: (
        json.dumps([1] * MANY),
        json.dumps(["a"] * MANY),
        json.dumps([{}] * MANY),
        json.dumps({f"k{number}": "a" for number in range(MANY)}),
    ),
    Shape.DEEP: (
        "[" * AS_DEEP_AS_ALLOWED + "]" * AS_DEEP_AS_ALLOWED,
        '{"a":' * AS_DEEP_AS_ALLOWED + "1" + "}" * AS_DEEP_AS_ALLOWED,
        "[" * DEEPER_THAN_ALLOWED + "]" * DEEPER_THAN_ALLOWED,
        '[{"a":' * DEEPER_THAN_ALLOWED + "1" + "}]" * DEEPER_THAN_ALLOWED,
    ),
    Shape.LONG_NAME: (
        json.dumps({"n" * 100_000: "a"}),
        json.dumps({_LONGEST_ALLOWED: {_LONGEST_ALLOWED: ["a"] * 1_000}}),
        json.dumps("n" * 100_000),
        json.dumps({_LONGEST_ALLOWED + str(number): "a" for number in range(10)}),
    ),
    Shape.MANY_FIELDS: (
        json.dumps({f"unknown{number}": 1 for number in range(MANY)}),
        json.dumps([{f"unknown{number}": 1 for number in range(100)}] * 100),
        json.dumps({f"unknown{number}": [None] for number in range(300)}),
    ),
    Shape.HUGE_NUMBER: (*map(_number, NUMBERS), *map(json.dumps, NUMBERS[:6]), "9" * 29),
    Shape.NUL: (r'"a\u0000b"', r'{"a\u0000": 1}', r'["\u0000"]', r'{"a": {"b": ["\u0000"]}}'),
    Shape.SURROGATE: (r'"a\ud800b"', r'{"\udfff": 1}', r'["\udc00"]', r'{"a": {"b": ["\ud800"]}}'),
    Shape.REPEATED: (
        "{" + ",".join(['"a": 1'] * MANY) + "}",
        "{" + ",".join(['"name": {"name": 1}'] * 1_000) + "}",
        json.dumps(["a"] * SEVERAL),
    ),
    Shape.QUADRATIC: tuple(map(json.dumps, QUADRATIC)),
    Shape.WRONG_TYPE: (
        *(
            "null",
            "true",
            "0",
            "1.5",
            '""',
            '" "',
            '"x"',
            "[]",
            "{}",
            "[[]]",
            "[null]",
            "[{}]",
            "[true, 1, {}]",
        ),
        *('{"a": null}', '{"a": {}}', '{"": ""}', '{"axes": 1}', '{"name": [], "values": 1}', '"2026-13-45"'),
        '"7f0e5e0e-0000-4000-8000-000000000000"',
    ),
}
