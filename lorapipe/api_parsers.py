"""Reads JSON bodies, and refuses with 400 what PostgreSQL cannot store and what is nested too deeply for Python."""

import re
from collections.abc import Iterator, Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import JSONParser

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class StorableJSONParser(JSONParser):
    """Parses JSON, and refuses texts that contain NUL or half of a surrogate pair."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            parsed = super().parse(stream, media_type, parser_context)
        except RecursionError as exc:
            raise ParseError("JSON parse error - it is nested too deeply") from exc
        problems = {
            UNSTORABLE.sub("?", path) or "body": [message] for path, message in find_unstorable(parsed)
        }
        if problems:
            raise ValidationError(problems)
        return parsed


def find_unstorable(parsed: Any) -> Iterator[tuple[str, str]]:
    """(path, message) of every text that cannot be stored, field names included."""
    waiting: list[tuple[str, Any]] = [("", parsed)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            if found := UNSTORABLE.search(value):
                yield path, f"contains U+{ord(found.group()):04X} at character {found.start() + 1}; remove it"
        elif isinstance(value, dict):
            waiting += [(path, name) for name in value if UNSTORABLE.search(name)]
            waiting += [(f"{path}.{name}" if path else name, each) for name, each in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{path}.{number}", each) for number, each in enumerate(value)]
