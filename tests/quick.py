"""pytest plugin (`-p tests.quick`): `--quick` runs in a minute what says most.

It leaves out every test that starts a process. What remains needs PostgreSQL and Valkey only, which tests/servers.py
starts. Nothing is marked by hand: the code of a test, of its fixtures and of all functions and classes of ours that
they name is searched for what starts a process. What this search does not see (a function that is found at run time,
say) fails in a quick run instead of starting its process: see `forbid_processes`.

That alone would take several minutes. So without a file, a folder or `-k` it is a sample: all tests that need no
database, and of each file the first that does. Left out are also tests marked `lengthy`, and the folders of WHOLE.
With a file, a folder or `-k`, every one of those tests runs that starts no process.
"""

import inspect
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

STARTING_MODULES = {"subprocess", "multiprocessing", "playwright", "pty"}
STARTING_CALLS = {"fork", "forkpty", "posix_spawn", "posix_spawnp", "create_subprocess_exec"}
STARTING_EVENTS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "os.exec"}
# What belongs to a whole run: processes and walks throughout, and the guards, which `./run check` runs.
WHOLE = {"abuse", "access", "browser", "contract", "faults", "flows", "guards"}
OF_EACH_FILE = 1  # a test with a database takes a fifth of a second, and the databases themselves take ten
# Set while a test of a quick run is running. An audit hook can never be taken away again, so it asks this.
_forbidden = False


def pytest_addoption(parser: pytest.Parser) -> None:
    told = "leave out every test that starts a process; without a file or folder, a sample in a minute"
    parser.addoption("--quick", action="store_true", help=told)


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("quick"):
        sys.addaudithook(forbid_processes)


def wants_sample(config: pytest.Config) -> bool:
    """Whether nothing was named: no file, no folder and no `-k`. The workers of xdist read the same arguments."""
    everything = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return bool(config.getoption("quick") and everything and not config.getoption("keyword"))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Not even imported: some of them take a second for that."""
    if wants_sample(config) and collection_path.is_dir() and collection_path.name in WHOLE:
        return True
    return None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("quick"):
        return
    search = Search(config.rootpath)
    left = [item for item in items if not search.starts_process(item)]
    if wants_sample(config):
        left = list(sample_of(left))
    chosen = set(left)
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = left


def sample_of(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    """All tests without a database, and the first of each file with one."""
    taken: Counter[Path] = Counter()
    for item in items:
        if item.get_closest_marker("lengthy"):
            continue
        taken[item.path] += needs_database(item)
        if taken[item.path] <= OF_EACH_FILE or not needs_database(item):
            yield item


def needs_database(item: pytest.Item) -> bool:
    fixtures = {"db", "transactional_db"} & set(getattr(item, "fixturenames", ()))
    return bool(fixtures) or item.get_closest_marker("django_db") is not None


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
        self._look = cache(self._look_at)

    def starts_process(self, item: pytest.Item) -> bool:
        """Walks from the test and its fixtures through all that they name, until something starts a process."""
        todo, seen = [getattr(item, "function", None), *fixture_functions(item)], set[Any]()
        while todo:
            thing = todo.pop()
            if thing in seen:
                continue
            seen.add(thing)
            starts, named = self._look(thing)
            if starts:
                return True
            todo += named
        return False

    def _look_at(self, thing: Any) -> tuple[bool, list[Any]]:
        """Whether it starts a process by itself, and the functions, classes and modules that its code names."""
        module = thing.__name__ if isinstance(thing, ModuleType) else getattr(thing, "__module__", None)
        if str(module).partition(".")[0] in STARTING_MODULES:
            return True, []
        functions = [each for each in functions_of(thing) if self._is_ours(each)]
        names = {name for each in functions for name in names_in(each.__code__)}
        return bool(names & STARTING_CALLS), [named for each in functions for named in named_things(each)]

    def _is_ours(self, function: FunctionType) -> bool:
        path = Path(function.__code__.co_filename)
        return path.is_relative_to(self.root) and "site-packages" not in path.parts


def fixture_functions(item: pytest.Item) -> list[Any]:
    """Of all fixtures of a test, those too that are asked for by name while it runs: `request.getfixturevalue("x")`."""
    fixtures = getattr(item, "_fixtureinfo", None)
    if fixtures is None:
        return []
    found = [each.func for definitions in fixtures.name2fixturedefs.values() for each in definitions]
    names = [name for each in [item.function, *found] for name in names_asked_later(each)]  # type: ignore[attr-defined]
    later = [item.session._fixturemanager.getfixturedefs(name, item) or () for name in names]
    return [*found, *(each.func for definitions in later for each in definitions)]


def names_asked_later(function: Any) -> list[str]:
    code = getattr(function, "__code__", None)
    if code is None or "getfixturevalue" not in code.co_names:
        return []
    return [each for each in code.co_consts if isinstance(each, str)]


def functions_of(thing: Any) -> list[FunctionType]:
    """A function itself, or the methods of a class and of its bases; decorators are taken off."""
    parts = [thing]
    if isinstance(thing, type):
        parts = [each for kind in thing.__mro__ for each in vars(kind).values()]
    bare = [inspect.unwrap(getattr(each, "fget", None) or getattr(each, "__func__", each)) for each in parts]
    return [each for each in bare if isinstance(each, FunctionType)]


def names_in(code: CodeType) -> Iterator[str]:
    """Every global and attribute that the code names, the functions inside it included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


def named_things(function: FunctionType) -> list[Any]:
    """What these names stand for; of a module also what is taken out of it, as in `launch.start(...)`."""
    names = set(names_in(function.__code__))
    found = [function.__globals__[name] for name in names & function.__globals__.keys()]
    for module in [thing for thing in found if isinstance(thing, ModuleType)]:
        found += [vars(module)[name] for name in names & vars(module).keys()]
    return [thing for thing in found if isinstance(thing, FunctionType | type | ModuleType)]
