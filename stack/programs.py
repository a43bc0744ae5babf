"""The Python programs of a stack: simulator, web, dispatcher and the two workers."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from stack.environment import CHECKOUT, Environment
from stack.process import Program

INTERACTIVE_SLOTS = 3  # two single generations, and one background job
CALL_S = 60 + 8192 / 40  # the deadline of one call, docs/execution.md section 2
STOP_GRACE_S = 60
FLAWED_EVERY = 8
PYTHON = sys.executable
# Celery's warning has ten lines per worker in a container; our workers only connect to loopback and to Claude.
ROOT_WARNING = "ignore:You're running the worker with superuser privileges"


def child_environ(settings: Environment, urls: Mapping[str, str]) -> dict[str, str]:
    """Our own environment with the URLs of this stack and the effective data folder."""
    fixed = {
        "LORAPIPE_DATA_DIR": str(settings.data_dir),
        "DJANGO_SETTINGS_MODULE": "lorapipe.settings",
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": ",".join(filter(None, [os.environ.get("PYTHONWARNINGS"), ROOT_WARNING])),
    }
    inherited = {name: value for name, value in os.environ.items() if name != "LORAPIPE_SIMULATOR_URL"}
    return {**inherited, **fixed, **urls}


def simulator(environ: Mapping[str, str], *, port: int, port_file: Path) -> Program:
    """The simulator of the demo. One conversation in eight is flawed on purpose, so that there is something to review."""
    words = ("-m", "claude.simulator", "--port", str(port), "--port-file", str(port_file))
    return _python("simulator", *words, "--flawed-every", str(FLAWED_EVERY), environ=environ)


def prepare(environ: Mapping[str, str], *, link: bool) -> Program:
    words = ("manage.py", "prepare", "--link") if link else ("manage.py", "prepare")
    return _python("prepare", *words, environ=environ)


def web(environ: Mapping[str, str], settings: Environment) -> Program:
    """Gunicorn, which starts the web processes and replaces them (lorapipe/web_server/)."""
    script = str(Path(PYTHON).with_name("gunicorn"))
    own = {**environ, "HOST": settings.host, "PORT": str(settings.port)}
    return _python("web", script, "-c", "python:lorapipe.web_server.config", "lorapipe.wsgi", environ=own)


def dispatcher(environ: Mapping[str, str]) -> Program:
    return _python("dispatcher", "manage.py", "dispatch", environ=environ)


def worker(environ: Mapping[str, str], *, queue: str, slots: int, max_tokens: int) -> Program:
    """A Celery worker of one queue. On SIGTERM it finishes its calls, however long one may take."""
    celery = ("-m", "celery", "-q", "-A", "lorapipe", "worker", "-P", "threads", "-c", str(slots))
    flags = ("-Q", queue, "-n", f"{queue}@%h", "--without-gossip", "--without-mingle", "-l", "WARNING")
    grace_s = max(CALL_S, 60 + max_tokens / 40) + STOP_GRACE_S
    return _python(queue, *celery, *flags, environ=environ, grace_s=grace_s)


def _python(name: str, *words: str, environ: Mapping[str, str], grace_s: float = 15.0) -> Program:
    named = {**environ, "PGAPPNAME": f"lorapipe {name}"}  # who is who in pg_stat_activity
    return Program(name=name, argv=(PYTHON, *words), cwd=CHECKOUT, env=named, grace_s=grace_s)
