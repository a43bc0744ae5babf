"""`./run manage screenshots` as people use it: real processes, a browser, and nothing of it left behind. Slow."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lorapipe.screenshots.browser import find_chromium
from lorapipe.screenshots.demo_stack import PREFIX
from stack.environment import CHECKOUT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium found"),
]
OURS = re.compile("DATABASE_URL|REDIS_URL|SECRET_KEY|ANTHROPIC_|LORAPIPE_|RATE_LIMIT|PORT$|HOST$|PYTEST|COV")
PATIENCE_S = 420.0


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for temporary folders, which PostgreSQL's user may pass through."""
    path = Path(tempfile.mkdtemp(prefix="lorapipe-pictures-"))
    path.chmod(0o711 if os.geteuid() == 0 else 0o700)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def begin(place: Path, *options: str) -> subprocess.Popen[str]:
    """The command, with a folder of temporary folders of its own."""
    plain = {name: value for name, value in os.environ.items() if not OURS.match(name)}
    words = ("manage", "screenshots", "--to", str(place / "pictures"), *options)
    return subprocess.Popen(
        [sys.executable, "-m", "terminal", *words],
        env={**plain, "TMPDIR": str(place), "LORAPIPE_DATA_DIR": str(place / "unused")},
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def is_left(place: Path) -> list[str]:
    """Folders of the command, and processes that work in one."""
    folders = [str(path) for path in place.glob(f"{PREFIX}*")]
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [*folders, *(line for line in listed.splitlines() if f"{place}/{PREFIX}" in line)]


def test_it_takes_the_chosen_pictures_and_leaves_nothing(place: Path) -> None:
    running = begin(place, "--only", "generate-all", "--only", "batch-running")
    said, _ = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 0, said
    taken = sorted(path.name for path in (place / "pictures").iterdir())
    assert taken == ["batch-running.png", "generate-all.png"]
    assert "2 pictures" in said
    assert is_left(place) == []
    assert not (place / "unused").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_in_order_when_it_is_told_to(place: Path, number: signal.Signals) -> None:
    running = begin(place, "--only", "generate-all")
    deadline = time.monotonic() + PATIENCE_S
    while not list(place.glob(f"{PREFIX}*/data/log/stack.log")) and time.monotonic() < deadline:
        time.sleep(0.1)
    running.send_signal(number)
    running.communicate(timeout=PATIENCE_S)
    assert running.returncode != 0
    assert is_left(place) == []
