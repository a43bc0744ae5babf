"""The person in whose workspace a test takes place is defined once."""

import re
from pathlib import Path

TESTS = Path(__file__).parent.parent


def test_there_is_one_owner() -> None:
    defining = [
        path for path in TESTS.rglob("*.py") if re.search(r"^def owner\(", path.read_text(), re.MULTILINE)
    ]
    assert defining == [TESTS / "conftest.py"]
