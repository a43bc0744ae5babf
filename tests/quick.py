"""pytest plugin (`-p tests.quick`): `--quick` leaves out every test that starts a process.

What remains needs PostgreSQL and Valkey only, which tests/servers.py starts. Nothing is marked by hand: the code of a
test, of its fixtures and of all functions and classes of ours that they name is searched for what starts a process.
What this search does not see (a function that is found at run time, say) fails in a quick run instead of starting
its process: see `forbid_processes`.
"""

import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

STARTING_MODULES = {"subprocess", "multiprocessing", "playwright", "pty"}
STARTING_CALLS = {"fork", "forkpty", "posix_spawn", "posix_spawnp", "create_subprocess_exec"}
STARTING_EVENTS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "os.exec"}
# Set while a test of a quick run is running. An audit hook can never be taken away again, so it asks this.
_forbidden = False


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--quick", action="store_true", help="leave out every test that starts a process (tests/quick.py)"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("quick"):
        sys.addaudithook(forbid_processes)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("quick"):
        return
    search = Search(config.rootpath)
    slow = [item for item in items if search.starts_process(item)]
    left_out = set(slow)
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    global _forbidden
    _forbidden = bool(item.config.getoption("quick"))
    try:
        return (yield)
    finally:
        _forbidden = False


def forbid_processes(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: the process is not started, and the test that wanted it fails."""
    if _forbidden and event in STARTING_EVENTS:
        pytest.fail(f"A quick run starts no process, but this test asks for one: {event} {arguments[:2]}")


class Search:
    """Which tests start a process. One search serves a whole run, because tests share most of what they call."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[Any, bool] = {}

    def starts_process(self, item: pytest.Item) -> bool:
        fixtures = getattr(item, "_fixtureinfo", None)
        found = [
            each.func for defs in (fixtures.name2fixturedefs if fixtures else {}).values() for each in defs
        ]
        functions = [getattr(item, "function", None), *found]
        return any(self._starts(function) or self._asks_later(function, item) for function in functions)

    def _asks_later(self, function: Any, item: pytest.Item) -> bool:
        """A fixture that is asked for by its name while the test runs, as `request.getfixturevalue("simulator")`."""
        code = getattr(function, "__code__", None)
        if code is None or "getfixturevalue" not in code.co_names:
            return False
        names = [each for each in code.co_consts if isinstance(each, str)]
        defs = [self._fixture_definitions(name, item) for name in names]
        return any(self._starts(each.func) for found in defs for each in found)

    def _fixture_definitions(self, name: str, item: pytest.Item) -> Any:
        return item.session._fixturemanager.getfixturedefs(name, item) or ()

    def _starts(self, found: Any) -> bool:
        """Whether this function, class or module is one that starts a process, or leads to one."""
        module = found.__name__ if isinstance(found, ModuleType) else getattr(found, "__module__", None)
        if str(module).partition(".")[0] in STARTING_MODULES:
            return True
        if not isinstance(found, FunctionType | type):
            return False
        if found not in self._known:
            self._known[found] = False  # functions that call each other come here again: they add nothing
            self._known[found] = any(map(self._function_starts, self._functions_of(found)))
        return self._known[found]

    def _functions_of(self, found: Any) -> list[FunctionType]:
        """The functions of ours behind a function or a class, decorators taken off."""
        parts = (
            [each for kind in found.__mro__ for each in vars(kind).values()]
            if isinstance(found, type)
            else [found]
        )
        bare = [
            inspect.unwrap(getattr(each, "fget", None) or getattr(each, "__func__", each)) for each in parts
        ]
        return [each for each in bare if isinstance(each, FunctionType) and self._is_ours(each)]

    def _is_ours(self, function: Callable[..., Any]) -> bool:
        path = Path(function.__code__.co_filename)
        return path.is_relative_to(self.root) and "site-packages" not in path.parts

    def _function_starts(self, function: FunctionType) -> bool:
        names = set(_names(function.__code__))
        return bool(names & STARTING_CALLS) or any(map(self._starts, _named_things(function, names)))


def _names(code: CodeType) -> Iterator[str]:
    """Every global and attribute that the code names, the functions inside it included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _named_things(function: FunctionType, names: set[str]) -> Iterator[Any]:
    """What these names stand for; of a module also what is taken out of it, as in `launch.start(...)`."""
    for name in names & function.__globals__.keys():
        thing = function.__globals__[name]
        yield thing
        if isinstance(thing, ModuleType):
            yield from (vars(thing)[each] for each in names & vars(thing).keys())
