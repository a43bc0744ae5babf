"""How long a start takes, from the command to the first page, and how much CPU: python -m bench.start [--clone] [--rounds N]."""

import argparse
import os
import resource
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from stack.environment import CHECKOUT
from stack.services import free_port

GOAL_S = 5.0
GOAL_CPU_S = 2.0
DEADLINE_S = 300.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--rounds", type=int, default=3, help="second starts; the first one comes before them"
    )
    options.add_argument(
        "--clone", action="store_true", help="start a fresh clone of this commit, which has to install first"
    )
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="lorapipe-start-") as folder:
        os.chmod(folder, 0o711)  # PostgreSQL runs as another user when we are root
        checkout = make_clone(Path(folder, "clone")) if given.clone else CHECKOUT
        environ = {**os.environ, "LORAPIPE_DATA_DIR": f"{folder}/data", "PORT": str(free_port())}
        for number in range(given.rounds + 1):
            name = "second start" if number else "first start"
            measure_start(name, checkout / "run", environ, beside=number == given.rounds)


def make_clone(path: Path) -> Path:
    """What somebody else gets: what is committed, without `.venv` and without compiled modules."""
    began = time.monotonic()
    subprocess.run(["git", "clone", "--quiet", CHECKOUT, path], check=True)
    print(f"cloned in {time.monotonic() - began:.1f} s")
    return path


def measure_start(name: str, run: Path, environ: dict[str, str], *, beside: bool) -> None:
    """Start, wait for the sign-in page, and stop. `beside`: measure two `./run manage` commands while it runs, too."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as said:
        running = subprocess.Popen([run], env=environ, stdout=said, stderr=said)
        try:
            wait_for_page(f"http://127.0.0.1:{environ['PORT']}/sign-in/", running)
            seconds = time.monotonic() - began
            print(
                f"{name}: first page after {seconds:.1f} s{' OVER' if name[0] == 's' and seconds > GOAL_S else ''}"
            )
            if beside:
                measure_command(run, environ)
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(60)
        said.seek(0)
        print("".join(f"    {line}" for line in said if line.endswith((" s\n", " s.\n"))))


def measure_command(run: Path, environ: dict[str, str]) -> None:
    """The CPU of `./run manage` and of what it starts."""
    for words in (("migrate", "--check"), ("sign_in_link",)):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.monotonic()
        subprocess.run([run, "manage", *words], env=environ, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        over = " OVER" if cpu > GOAL_CPU_S else ""
        print(f"./run manage {' '.join(words)}: {cpu:.2f} s of CPU{over}, {time.monotonic() - began:.1f} s")


def wait_for_page(address: str, running: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline and running.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=10):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise SystemExit(f"It did not start; look at {Path(os.environ.get('LORAPIPE_DATA_DIR', '.'))}")


if __name__ == "__main__":
    main()
