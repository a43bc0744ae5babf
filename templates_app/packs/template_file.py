"""One template as a file in the format of a pack's templates.toml, so that it can be added to a pack. Pure.

`load` reads back what `dump` wrote, character for character, and dumping it again gives the same bytes.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from templates_app.packs.pack import PackTemplate, read_template
from templates_app.text.content import Content
from templates_app.text.syntax import NEWEST

LARGEST = 2_000_000  # bytes
FILE = "template.toml"
# Characters that a TOML string must escape. A bare CR would be read as a line end.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")


def dump(*, name: str, tier: str, content: Content) -> bytes:
    """The file as UTF-8 text. Empty fields are left out, and so is the newest syntax."""
    fields = {"name": name, "tier": tier, "language": content.language, "model": content.model}
    lines = ["[[template]]", *(f"{key} = {_format_short(value)}" for key, value in fields.items() if value)]
    older = content.syntax if content.syntax != NEWEST else None
    numbers = {"turns_min": content.turns_min, "turns_max": content.turns_max, "syntax": older}
    lines += [f"{key} = {number}" for key, number in numbers.items() if number is not None]
    for key in ("system_prompt", "training_system_prompt", "text"):
        if value := getattr(content, key):
            lines.append(f"{key} = {_format_long(value)}")
    for variable in content.variables:
        lines += ["", "[[template.variables]]", *_format_variable(variable)]
    return ("\n".join(lines) + "\n").encode()


def load(given: bytes) -> PackTemplate:
    """The template in a file. Raises PackError with every problem."""
    return read_template(given, file=FILE)


def to_content(given: PackTemplate) -> Content:
    return Content(
        text=given.text,
        system_prompt=given.system_prompt,
        training_system_prompt=given.training_system_prompt,
        variables=given.variables,
        language=given.language,
        model=given.model,
        turns_min=given.turns_min,
        turns_max=given.turns_max,
        syntax=given.syntax,
    )


def _format_variable(definition: Mapping[str, Any]) -> Iterator[str]:
    for key, value in definition.items():
        if value is not None:
            yield f"{key} = {_format_value(value)}"


def _format_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(_format_value(each) for each in value)}]"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    return _format_long(text) if "\n" in text else _format_short(text)


def _format_short(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _format_long(text: str) -> str:
    """A text of several lines. Only backslashes, three quotes in a row and control characters are escaped."""
    safe = text.replace("\\", "\\\\").replace('"""', '""\\"')
    safe = _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04X}", safe)
    return f'"""\n{safe}"""'
