"""What a process loads before it can do anything: each module costs every start and every command."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = sorted(
    f"{path.parts[-4]}.management.commands.{path.stem}"
    for path in ROOT.glob("*/management/commands/*.py")
    if path.stem != "__init__"
)
LOADED = "import sys; {code}; print(*{{name.partition('.')[0] for name in sys.modules}}, *sys.modules)"
SET_UP = "import django; django.setup()"
# The admin's classes, the addresses of all pages, the broker and the SDK: together they take longer than all the rest.
HEAVY = {"celery", "kombu", "redis", "anthropic"}


def load(code: str) -> set[str]:
    """The names of the modules, and of their packages, that a process has loaded after this code."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(code=code)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_a_command_loads_neither_the_pages_nor_the_broker() -> None:
    assert not load(SET_UP) & {*HEAVY, "lorapipe.urls", "batches.admin", "unfold.admin"}


def test_the_pages_load_no_broker_and_no_sdk() -> None:
    assert not load(f"{SET_UP}; import lorapipe.urls") & HEAVY


def test_the_supervisor_loads_neither_django_nor_the_driver_of_the_database() -> None:
    assert not load("import terminal.__main__") & {"django", "psycopg", *HEAVY}


@pytest.mark.parametrize("module", COMMANDS)
def test_no_command_of_ours_runs_the_checks_of_the_code(module: str) -> None:
    """They load the addresses of all pages. `./run check` runs them where the code is written."""
    assert import_module(module).Command.requires_system_checks == []
