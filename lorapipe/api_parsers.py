"""Reads JSON bodies within bounds, and refuses with 400 what cannot be stored."""

from collections.abc import Mapping
from itertools import islice
from typing import IO, Any

from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import JSONParser

from lib.untrusted.json_bodies import LARGEST_BODY, MOST_PROBLEMS, UnreadableJSON, find_problems, read_json
from lib.untrusted.storable import UNSTORABLE


class StorableJSONParser(JSONParser):
    """Parses JSON. Every text, name, number and depth has a bound; see lib/untrusted/json_bodies.py."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            encoding = str((parser_context or {}).get("encoding", "utf-8"))
            parsed = read_json(stream.read(LARGEST_BODY + 1), encoding=encoding)
        except UnreadableJSON as wrong:
            raise ParseError(f"JSON parse error - {wrong}") from wrong
        problems = {
            UNSTORABLE.sub("?", path) or "body": [message]
            for path, message in islice(find_problems(parsed), MOST_PROBLEMS)
        }
        if problems:
            raise ValidationError(problems)
        return parsed
