"""The control endpoint for tests, /_simulator/...: for callers on this machine only."""

import ipaddress
import json
import time
from typing import Any

from aiohttp import web

from claude.simulator.options import Options
from claude.simulator.rules.rejection import Rejection
from claude.simulator.server import KEPT_PROMPTS, Route, Simulator


class Control:
    """The routes that show and change the state of one simulator."""

    def __init__(self, simulator: Simulator):
        self.simulator = simulator

    def add_to(self, app: web.Application) -> None:
        routes = {
            ("GET", "ledger"): self.show_ledger,
            ("GET", "prompts"): self.show_prompts,
            ("GET", "faults"): self.show_faults,
            ("GET", "options"): self.show_options,
            ("GET", "cpu"): self.show_cpu,
            ("POST", "reset"): self.reset,
            ("POST", "faults"): self.set_faults,
            ("POST", "options"): self.set_options,
        }
        for (method, name), route in routes.items():
            app.router.add_route(method, f"/_simulator/{name}", local_only(route))

    async def show_ledger(self, http: web.Request) -> web.StreamResponse:
        entries = self.simulator.ledger.since(int(http.query.get("since", "0")))
        return web.json_response({"entries": entries})

    async def show_prompts(self, http: web.Request) -> web.StreamResponse:
        limit = int(http.query.get("limit", str(KEPT_PROMPTS)))
        return web.json_response({"prompts": list(self.simulator.prompts)[-limit:]})

    async def show_faults(self, http: web.Request) -> web.StreamResponse:
        return web.json_response({"faults": self.simulator.faults.state()})

    async def show_options(self, http: web.Request) -> web.StreamResponse:
        return web.json_response(vars(self.simulator.options))

    async def show_cpu(self, http: web.Request) -> web.StreamResponse:
        """CPU seconds of this process since its start: the difference of two is what the calls between cost."""
        return web.json_response({"seconds": time.process_time()})

    async def reset(self, http: web.Request) -> web.StreamResponse:
        simulator = self.simulator
        simulator.ledger.clear()
        simulator.faults.set([])
        simulator.prompts.clear()
        simulator.cache.clear()
        simulator.limits.set(**simulator.options.limits())
        return web.json_response({})

    async def set_faults(self, http: web.Request) -> web.StreamResponse:
        body = await _body(http)
        self.simulator.faults.set(body.get("faults", []), append=bool(body.get("append")))
        return await self.show_faults(http)

    async def set_options(self, http: web.Request) -> web.StreamResponse:
        """Starts with full buckets again, but for a moved clock alone: that leaves them as they are."""
        before = self.simulator.options
        self.simulator.options = Options(**{**vars(before), **(changes := await _body(http))})
        if changes.keys() - {"clock_offset"}:
            self.simulator.limits.set(**self.simulator.options.limits())
        return await self.show_options(http)


def local_only(route: Route) -> Route:
    """Answer 404 to callers on other machines, and 400 with the reason to wrong input."""

    async def checked(http: web.Request) -> web.StreamResponse:
        if not ipaddress.ip_address(http.remote or "0.0.0.0").is_loopback:  # noqa: S104 (compared, not bound)
            raise web.HTTPNotFound
        try:
            return await route(http)
        except (ValueError, TypeError) as exc:
            raise Rejection(400, str(exc)) from exc

    return checked


async def _body(http: web.Request) -> dict[str, Any]:
    body = json.loads(await http.text() or "{}")
    if not isinstance(body, dict):
        raise ValueError("a JSON object is expected")
    return body
