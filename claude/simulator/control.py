"""The control endpoint for tests, /_simulator/...: for callers on this machine only, and no pages of a browser.

A simulator that was started with a secret wants it in each request. `./run` starts it with the secret of its data folder.
"""

import hmac
import ipaddress
import json
import time
from typing import Any

from aiohttp import web

from claude.simulator.options import Options
from claude.simulator.replies.flaws import Planter
from claude.simulator.rules.rejection import Rejection
from claude.simulator.server import KEPT_PROMPTS, Route, Simulator


class Control:
    """The routes that show and change the state of one simulator. `secret` "": none is wanted."""

    def __init__(self, simulator: Simulator, *, secret: str = ""):
        self.simulator = simulator
        self.secret = secret

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
            app.router.add_route(method, f"/_simulator/{name}", self.guard(route))

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
        simulator.planter = Planter()
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

    def guard(self, route: Route) -> Route:
        """Answer 404 to callers from elsewhere, 403 without the secret, and 400 with the reason to wrong input."""

        async def checked(http: web.Request) -> web.StreamResponse:
            if not is_from_here(http):
                raise web.HTTPNotFound
            if self.secret and not self._is_told_to(http):
                raise web.HTTPForbidden
            try:
                return await route(http)
            except (ValueError, TypeError) as exc:
                raise Rejection(400, str(exc)) from exc

        return checked

    def _is_told_to(self, http: web.Request) -> bool:
        """Whether the secret comes with it, as `Authorization: Bearer ...`."""
        sent = http.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        return hmac.compare_digest(sent, f"Bearer {self.secret}".encode())


def is_from_here(http: web.Request) -> bool:
    """Whether a program of this machine asks, by this server's own address.

    A browser names the host of the page's address, also where that resolves to this machine, and sends an Origin.
    """
    if not ipaddress.ip_address(http.remote or "0.0.0.0").is_loopback:  # noqa: S104 (compared, not bound)
        return False
    address = http.transport.get_extra_info("sockname") if http.transport else None
    if address is None or "Origin" in http.headers:
        return False
    return http.host.lower() in {f"{host}:{address[1]}" for host in ("127.0.0.1", "localhost", "[::1]")}


async def _body(http: web.Request) -> dict[str, Any]:
    body = json.loads(await http.text() or "{}")
    if not isinstance(body, dict):
        raise ValueError("a JSON object is expected")
    return body
