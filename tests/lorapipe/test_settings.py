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


def test_behind_tls_cookies_belong_to_this_host_alone() -> None:
    """The rules of the names `__Host-`: secure, the whole site, no domain."""
    show = "print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE)"
    command = [sys.executable, "-c", f"import lorapipe.settings as s; {show}"]
    told = {
        https: subprocess.run(
            command, env={**os.environ, "LORAPIPE_HTTPS": https}, capture_output=True, text=True, check=True
        ).stdout.split()
        for https in ("0", "1")
    }
    assert told == {
        "0": ["sessionid", "csrftoken", "False", "False"],
        "1": ["__Host-sessionid", "__Host-csrftoken", "True", "True"],
    }


@pytest.mark.django_db
def test_every_answer_refuses_powers_and_embedding(signed_in: Client) -> None:
    for path in ("/sign-in/", "/conversations/", "/api/conversations", "/nowhere/"):
        headers = signed_in.get(path, follow=True).headers
        assert "camera=()" in headers["Permissions-Policy"]
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
