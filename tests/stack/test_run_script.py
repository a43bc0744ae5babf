import os
import shutil
import subprocess
from pathlib import Path

import pytest

from stack.environment import CHECKOUT

PYTHON_STUB = """#!/bin/sh
case "$*" in
  *"sys.version_info"* | "-c " | "-c import pip") exit "${STUB_BROKEN:-0}" ;;
  *"import venv, ensurepip"*) exit "${STUB_NO_VENV:-0}" ;;
  "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; exit 0 ;;
  "-m pip "*) echo "$*" >>"$STUB_LOG"; exit "${STUB_NO_NETWORK:-0}" ;;
  "-m ruff check "*) echo "$*" >>"$STUB_LOG"; exit "${STUB_LINT_LEFT:-0}" ;;
esac
[ -z "${PYTHONDONTWRITEBYTECODE:-}" ] || echo "without bytecode" >>"$STUB_LOG"
printf '%s\\n' "$PWD" "$@" >>"$STUB_LOG"
"""
BY_FILE = ["--dist", "loadfile"]
PARALLEL = ["-n", "auto", *BY_FILE]


class Checkout:
    """A copy of `run` in a path with spaces, with a Python that only writes down what it is asked."""

    def __init__(self, path: Path) -> None:
        self.path = path / "my lora pipe"
        self.log = path / "asked"
        self.python = path / "python stub"
        self.path.mkdir()
        shutil.copy(CHECKOUT / "run", self.path / "run")
        for name in ("requirements.lock", "requirements-dev.lock"):
            (self.path / name).write_text(f"{name} 1")
        self.python.write_text(PYTHON_STUB)
        self.python.chmod(0o755)

    def run(
        self, *words: str, script: Path | None = None, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        self.log.write_text("")
        base = {"PATH": "/usr/bin:/bin", "PYTHON": str(self.python), "STUB_LOG": str(self.log)}
        command = [str(script or self.path / "run"), *words]
        return subprocess.run(
            command, env=base | environ, cwd=self.path.parent, capture_output=True, text=True, check=False
        )

    @property
    def asked(self) -> list[str]:
        return self.log.read_text().splitlines()

    @property
    def installs(self) -> list[str]:
        return [line.rpartition("/")[2] for line in self.asked if line.startswith("-m pip install")]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture
def installed(checkout: Checkout) -> Checkout:
    """A checkout that has its development tools."""
    checkout.run("test")
    return checkout


@pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
def test_the_scripts_are_plain_sh(shell: str) -> None:
    found = shutil.which(shell)
    if found:
        for script in ("run", "scripts/lock.sh"):
            subprocess.run([found, "-n", str(CHECKOUT / script)], check=True)


def test_the_first_run_installs_and_starts_where_the_caller_is(checkout: Checkout) -> None:
    done = checkout.run("generate", "--out", "my file.jsonl")
    assert done.returncode == 0, done.stderr
    assert checkout.installs == ["requirements.lock"]
    assert "--require-hashes" in checkout.asked[0]
    assert str(checkout.path.parent) in checkout.asked
    assert checkout.asked[-4:] == [str(checkout.path), "generate", "--out", "my file.jsonl"]


def test_the_next_run_installs_nothing_until_the_lock_changes(checkout: Checkout) -> None:
    checkout.run()
    checkout.run("up")
    assert checkout.installs == []
    (checkout.path / "requirements.lock").write_text("requirements.lock 2")
    checkout.run()
    assert checkout.installs == ["requirements.lock"]


def test_the_tests_add_their_lock_to_the_same_venv(checkout: Checkout) -> None:
    checkout.run()
    checkout.run("test", "-k", "two words")
    assert checkout.installs == ["requirements-dev.lock"]
    assert checkout.asked[-9:] == [str(checkout.path), "-m", "pytest", *PARALLEL, "-k", "two words"]
    checkout.run("manage", "check")
    assert checkout.installs == []


def test_an_installation_that_was_cut_short_starts_anew(checkout: Checkout) -> None:
    checkout.run()
    venv = checkout.path / ".venv"
    (venv / ".installed").unlink()
    (venv / ".installing").touch()
    (venv / "half").touch()
    assert checkout.run().returncode == 0
    assert checkout.installs == ["requirements.lock"]
    assert not (venv / "half").exists()


def test_a_failed_installation_says_so_and_is_tried_again(checkout: Checkout) -> None:
    done = checkout.run(STUB_NO_NETWORK="1")
    assert (done.returncode, "installation failed" in done.stderr) == (1, True)
    assert checkout.run().returncode == 0
    assert checkout.installs == ["requirements.lock"]


@pytest.mark.parametrize("command", ["up", "generate", "manage"])
def test_the_processes_keep_what_they_compile(checkout: Checkout, command: str) -> None:
    """Container images set this variable. Each of five processes then compiled all it imports, at every start."""
    checkout.run(command, PYTHONDONTWRITEBYTECODE="1")
    assert "without bytecode" not in checkout.asked
    assert command in checkout.asked


def test_the_installation_says_how_long_it_took(checkout: Checkout) -> None:
    said = checkout.run().stderr
    assert "Installing requirements.lock" in said
    assert "Installed in " in said


def test_it_works_through_a_symbolic_link(checkout: Checkout) -> None:
    link = checkout.path.parent / "linked"
    link.symlink_to("my lora pipe/run")
    assert checkout.run("manage", "check", script=link).returncode == 0
    assert checkout.asked[-3:] == [str(checkout.path), "manage", "check"]


def test_no_python_is_said_with_the_remedy(checkout: Checkout, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "dirname", "cat", "cksum", "tr", "rm"):
        os.symlink(shutil.which(name) or f"/bin/{name}", tools / name)
    done = checkout.run(PATH=str(tools), STUB_BROKEN="1")
    assert done.returncode == 1
    assert "needs Python 3.11 or later" in done.stderr


def test_no_venv_module_is_said_with_the_remedy(checkout: Checkout) -> None:
    done = checkout.run(STUB_NO_VENV="1")
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr
    assert not (checkout.path / ".venv").exists()


def test_an_unknown_word_shows_what_there_is(checkout: Checkout) -> None:
    done = checkout.run("strat")
    assert done.returncode == 2
    assert "./run test" in done.stderr


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ([], PARALLEL),
        (["tests/stack"], PARALLEL),
        (["-m", "slow"], PARALLEL),
        (["-m", "not slow or slow", "-x", "-vv", "--quick"], PARALLEL),
        (["-ksession", "-x"], PARALLEL),
        (["-p", "no:cacheprovider"], PARALLEL),
        (["-n", "3"], BY_FILE),
        (["-n3"], BY_FILE),
        (["-n", "0"], BY_FILE),
        (["--numprocesses=3"], BY_FILE),
        (["tests/stack/test_folder.py::test_one[two words]"], []),
        (["--pdb"], []),
        (["-x", "--pdb"], []),
        (["--trace"], []),
        (["-s"], []),
        (["-xvs"], []),
        (["--capture=no"], []),
        (["--collect-only", "-q"], []),
    ],
)
def test_the_tests_use_every_core_unless_one_wants_to_look(
    installed: Checkout, words: list[str], options: list[str]
) -> None:
    installed.run("test", *words)
    assert installed.asked == [str(installed.path), "-m", "pytest", *options, *words]


@pytest.mark.parametrize("names", [[], ["types", "lint"]])
def test_the_checks_run_in_the_checkout(checkout: Checkout, names: list[str]) -> None:
    assert checkout.run("check", *names).returncode == 0
    assert checkout.installs == ["requirements-dev.lock"]
    assert checkout.asked[-2 - len(names) :] == [str(checkout.path), "scripts/check.py", *names]


@pytest.mark.parametrize("left", ["0", "1"])
def test_fix_formats_also_when_the_linter_leaves_something_and_says_so(
    installed: Checkout, left: str
) -> None:
    assert installed.run("fix", STUB_LINT_LEFT=left).returncode == int(left)
    assert installed.asked == ["-m ruff check --fix .", str(installed.path), "-m", "ruff", "format", "."]


def test_help_names_every_word(checkout: Checkout) -> None:
    told = checkout.run("help").stdout
    assert all(f"./run {word}" in told for word in ("generate", "manage", "test", "check", "fix"))
    assert "set -eu" not in told
