"""What the settings refuse, and what stays reachable behind TLS."""

import os
import subprocess
import sys

import pytest
from django.test import Client
from pytest_django import Settings

LOAD = "import sys; sys.argv = {argv!r}.split(); import {modules}; import lorapipe.settings as s; print(len(s.SECRET_KEY))"


def load_as(argv: str, modules: str = "sys", **environment: str) -> subprocess.CompletedProcess[str]:
    """The settings in a process with these arguments that has imported these modules, without a SECRET_KEY."""
    environ = {key: value for key, value in os.environ.items() if key != "SECRET_KEY"} | environment
    return subprocess.run(
        [sys.executable, "-c", LOAD.format(argv=argv, modules=modules)],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_pages_without_a_secret_key() -> None:
    refused = load_as("server", "lorapipe.wsgi")
    assert refused.returncode != 0
    assert "SECRET_KEY is not set" in refused.stderr
    assert load_as("server", "lorapipe.wsgi", SECRET_KEY="x" * 50).stdout.strip() == "50"


@pytest.mark.parametrize(
    "argv",
    [
        "/usr/bin/celery -A lorapipe worker",
        "/lib/celery/__main__.py -A lorapipe worker",
        "manage.py dispatch",
        "manage.py prepare",
        "manage.py check_provider --json",
    ],
)
def test_no_worker_signs_with_a_key_that_nobody_knows(argv: str) -> None:
    refused = load_as(argv)
    assert refused.returncode != 0
    assert "webhooks would be signed by a key that nobody knows" in refused.stderr
    assert load_as(argv, SECRET_KEY="x" * 50).stdout.strip() == "50"


def test_commands_make_a_key_of_their_own() -> None:
    assert int(load_as("manage.py").stdout) > 50


def test_health_answers_without_tls(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert Client().get("/healthz").status_code == 200
    assert Client().get("/sign-in/").status_code == 301
