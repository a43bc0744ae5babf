"""The person in whose workspace a test takes place is defined once, and a kept database is that of today's migrations."""

import re
from pathlib import Path

from stack.environment import CHECKOUT
from tests.support.migrated import SOURCES

TESTS = Path(__file__).parent.parent


def test_there_is_one_owner() -> None:
    defining = [
        path for path in TESTS.rglob("*.py") if re.search(r"^def owner\(", path.read_text(), re.MULTILINE)
    ]
    assert defining == [TESTS / "conftest.py"]


def test_what_decides_about_the_migrations_is_in_the_key_of_the_kept_database() -> None:
    """They may import the models of a user's workspace, which make no rows, and the choices of the audit log, no columns."""
    rooms = {path.parent.name for path in CHECKOUT.glob("*/__init__.py")}
    imported = set()
    for path in [*CHECKOUT.glob("*/migrations/*.py"), *CHECKOUT.glob("*/*/migrations/*.py")]:
        for room, rest in re.findall(r"^ *(?:from|import) (\w+)([\w.]*)", path.read_text(), re.MULTILINE):
            if room in rooms:
                imported.add(f"{room}{rest.replace('.', '/')}.py")
    assert imported - {"workspaces/models.py", "workspaces/states.py"} <= set(SOURCES)
