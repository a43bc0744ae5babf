"""python -m claude.simulator --port N: serves until SIGTERM or SIGINT."""

import argparse
import asyncio
import os
import resource
import signal
from pathlib import Path

from aiohttp import web

from claude.simulator.control import Control
from claude.simulator.ledger import Ledger
from claude.simulator.options import Options
from claude.simulator.server import Simulator

BACKLOG = 4096
SECRET_VARIABLE = "LORAPIPE_SIMULATOR_SECRET"  # noqa: S105  its name; arguments could be read by other users


def main() -> None:
    args = _arguments()
    _raise_file_limit()
    options = Options(
        latency=args.latency,
        seed=args.seed,
        rpm=args.rpm,
        burst=args.burst,
        itpm=args.itpm,
        otpm=args.otpm,
        flawed_every=args.flawed_every,
    )
    ledger = Ledger(args.ledger_file)
    asyncio.run(_serve(Simulator(options, ledger), args))
    ledger.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="claude.simulator", description="A simulator of the Messages API.")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--latency", type=float, default=1.0, help="seconds per reply, give or take a fifth")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other conversations")
    parser.add_argument("--rpm", type=float, help="request limit per minute and model pool; none by default")
    parser.add_argument(
        "--burst", type=float, help="requests at once under the limit; ten seconds' worth by default"
    )
    parser.add_argument(
        "--itpm", type=float, help="input tokens per minute and model pool; no limit by default"
    )
    parser.add_argument(
        "--otpm", type=float, help="output tokens per minute and model pool; no limit by default"
    )
    parser.add_argument(
        "--flawed-every", type=int, default=0, help="each n-th conversation is flawed on purpose; 0 for none"
    )
    parser.add_argument("--port-file", type=Path, help="where the chosen port is written")
    parser.add_argument(
        "--ledger-file", type=Path, help="one JSON line is appended for each finished request"
    )
    return parser.parse_args()


async def _serve(simulator: Simulator, args: argparse.Namespace) -> None:
    # Only 0.05 s: calls in flight are dropped, as when the real service disappears.
    app = simulator.application()
    Control(simulator, secret=os.environ.get(SECRET_VARIABLE, "")).add_to(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
    await runner.setup()
    await web.TCPSite(runner, args.host, args.port, backlog=BACKLOG).start()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    _announce(args.host, runner.addresses[0][1], args.port_file)
    await stop.wait()
    await runner.cleanup()


def _announce(host: str, port: int, file: Path | None) -> None:
    """Write the port to the file by renaming it into place, so that a reader never sees half a number."""
    if file is not None:
        draft = file.with_name(file.name + ".new")
        draft.write_text(f"{port}\n")
        os.replace(draft, file)
    print(f"Simulated Messages API at http://{host}:{port}", flush=True)


def _raise_file_limit() -> None:
    """Raise the soft limit of open files: each open request needs one, and the usual limit is 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
