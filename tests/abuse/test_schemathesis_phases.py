"""Schemathesis with all its phases and checks against a server, with 200 requests to each operation: half an hour, by hand.

    ./run test -m slow tests/abuse/test_schemathesis_phases.py

A file of its own: the world of the other tests of this folder is an open transaction, and this one commits.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from tests.abuse.world import make_world
from tests.factories import make_token

CONFIG = Path(__file__).with_name("schemathesis.toml")
THOROUGH = 200


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.django_db(transaction=True)
def test_every_phase_and_check(live_server: LiveServer, tmp_path: Path) -> None:
    """Examples, boundaries, random and stateful: what one operation answers is sent to the next."""
    world = make_world()
    secret = f"Authorization: Bearer {make_token(user=world.person)}"
    command = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        "--config-file",
        str(CONFIG),
        "run",
        f"{live_server.url}/api/schema",
    ]
    options = ["-H", secret, "-H", "Prefer: respond-async", "--max-examples", str(THOROUGH), "--seed", "1"]
    found = subprocess.run(
        [*command, *options],
        cwd=tmp_path,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    print(found.stdout[-30_000:])
    assert found.returncode == 0, found.stderr
