"""pytest plugin (`-p tests.servers`): our own PostgreSQL and Valkey, once per test run, in a temporary folder.

The controller of xdist starts them and hands the URLs to its workers by environment variable; never the
user's servers, never DATABASE_URL or REDIS_URL. LORAPIPE_TEST_DATABASE_URL replaces PostgreSQL. They die with
pytest even when it is killed (see stack/launch.py); a folder left by a killed run goes at the next one.
"""

import atexit
import contextlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.folder import DataFolder, FolderTaken
from stack.process import raise_open_files
from stack.services import start_postgres, start_valkey

PREFIX = "lorapipe-tests-"
YOUNG_S = 60
POSTGRES = "LORAPIPE_TESTS_POSTGRES"
VALKEY = "LORAPIPE_TESTS_VALKEY"
FOLDER = "LORAPIPE_TESTS_FOLDER"
OVERRIDE = "LORAPIPE_TEST_DATABASE_URL"
QUIET = {"-h", "--help", "-V", "--version", "--markers"}
_running = contextlib.ExitStack()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(args: list[str]) -> Iterator[None]:
    """A wrapper runs before pytest-django's hook, which loads the settings."""
    if "PYTEST_XDIST_WORKER" not in os.environ and not QUIET & set(args):
        atexit.register(_running.close)
        _start_servers()
    _set_environment(os.environ.get("PYTEST_XDIST_WORKER", ""))
    yield


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    _running.close()


def _start_servers() -> None:
    raise_open_files()
    _remove_abandoned()
    folder = DataFolder(Path(tempfile.mkdtemp(prefix=PREFIX)))
    _running.callback(shutil.rmtree, folder.path, ignore_errors=True)
    folder.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
    _running.enter_context(folder.hold())
    folder.prepare()
    os.environ[POSTGRES] = os.environ.get(OVERRIDE) or _start_postgres(folder)
    valkey = start_valkey(folder, durable=False)
    _running.callback(valkey.stop)
    os.environ[VALKEY] = valkey.url
    os.environ[FOLDER] = str(folder.path)


def _start_postgres(folder: DataFolder) -> str:
    postgres = start_postgres(folder, durable=False)
    _running.callback(postgres.stop)
    return postgres.url


def _set_environment(worker: str) -> None:
    """One Valkey database per xdist worker; Django names the PostgreSQL database of each by itself."""
    index = int(worker.removeprefix("gw")) + 1 if worker else 0
    for name in [
        name
        for name in os.environ
        if re.match(r"ANTHROPIC_|LORAPIPE_(?!TEST|CLOCK)|RATE_LIMIT_|PORT$|HOST$", name)
    ]:
        del os.environ[name]
    os.environ["DATABASE_URL"] = os.environ.get(POSTGRES, "postgresql://nobody@127.0.0.1:1/none")
    os.environ["REDIS_URL"] = re.sub(r"/\d+$", f"/{index}", os.environ.get(VALKEY, "redis://127.0.0.1:1/0"))
    os.environ["LORAPIPE_DATA_DIR"] = os.environ.get(FOLDER, tempfile.gettempdir())
    os.environ["SECRET_KEY"] = "only-for-tests-" * 4
    # A walk over all addresses is more than a stranger may ask in a minute. The tests of the limits set their own.
    os.environ["LORAPIPE_API_PER_MINUTE"] = os.environ["LORAPIPE_API_ANONYMOUS_PER_MINUTE"] = "1000000"


def _remove_abandoned() -> None:
    """Folders of runs that were killed: nobody holds their lock, and they are not just being made."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(FolderTaken, OSError):
            if time.time() - path.stat().st_mtime > YOUNG_S:
                with DataFolder(path).hold(wait_s=0.0):
                    shutil.rmtree(path, ignore_errors=True)
