"""`./run manage COMMAND`: Django's commands with a database behind them."""

import contextlib
import fcntl
import os
import sys
import time
from collections.abc import Iterator

from stack import client, services
from stack.environment import CHECKOUT, Environment
from stack.folder import DataFolder, StackState
from stack.process import raise_open_files
from stack.process_group import say
from stack.supervisor import Supervisor

WITHOUT_DATABASE = {
    "up",
    "help",
    "version",
    "check",
    "diffsettings",
    "findstatic",
    "collectstatic",
    "makemessages",
    "compilemessages",
    "screenshots",  # has a stack of its own
    "startapp",
}
HELP = {"-h", "--help", "--version"}
POLL_S = 0.1


def up(settings: Environment, _arguments: list[str]) -> int:
    return Supervisor(settings, kind="up").run()


def serve_clients(settings: Environment, _arguments: list[str]) -> int:
    """A stack without web pages that ends with its last client (see `client.join_or_start`)."""
    return Supervisor(settings, kind="job").run()


def manage(settings: Environment, arguments: list[str]) -> int:
    """Run one of Django's commands, on the running stack or on servers started for its duration."""
    if not arguments or arguments[0] in WITHOUT_DATABASE or HELP & set(arguments):
        return run_django(arguments)
    with _servers(settings) as environ:
        os.environ.update(environ)
        return run_django(arguments)


def run_django(arguments: list[str]) -> int:
    """Run one of Django's commands in this process."""
    # Here and not above: the supervisor does without Django, and loading it takes a tenth of a start.
    from django.core.management import execute_from_command_line  # noqa: PLC0415

    sys.argv = [str(CHECKOUT / "manage.py"), *arguments]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lorapipe.settings")
    execute_from_command_line(sys.argv)
    return 0


@contextlib.contextmanager
def _servers(settings: Environment) -> Iterator[dict[str, str]]:
    joined = client.join(settings)
    if joined:
        with joined:
            yield joined.environ(as_owner=True)
        return
    folder = DataFolder(settings.data_dir)
    with folder.hold(), contextlib.ExitStack() as running:
        yield _start(settings, folder, running)


def _start(settings: Environment, folder: DataFolder, running: contextlib.ExitStack) -> dict[str, str]:
    raise_open_files()
    folder.sweep()
    state = StackState(
        pid=os.getpid(),
        status="ready",
        kind="command",
        mode=settings.mode,
        fingerprint=client.effective_fingerprint(settings),
        database_url=settings.database_url or _stop_with(running, services.start_postgres(folder)),
        redis_url=settings.redis_url or _stop_with(running, services.start_valkey(folder)),
    )
    folder.write_state(state)
    running.callback(_wait_for_others, folder)
    urls = {"DATABASE_URL": state.database_url or "", "REDIS_URL": state.redis_url or ""}
    return {**urls, **folder.secret_variables()}


def _stop_with(running: contextlib.ExitStack, server: services.Server) -> str:
    running.callback(server.stop)
    return server.url


def _wait_for_others(folder: DataFolder) -> None:
    """Other commands may have joined our servers in the meantime; our servers run until those have ended."""
    announced = False
    with open(folder.clients_file, "rb") as lock:
        while not _try_lock(lock.fileno()):
            if not announced:
                announced = True
                say("Another command still uses this database; waiting for its end.")
            time.sleep(POLL_S)
        folder.state_file.unlink(missing_ok=True)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
