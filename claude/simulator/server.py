"""The HTTP side: routes, the way of one request, and the control endpoint for tests."""

import asyncio
import hashlib
import ipaddress
import json
import secrets
import socket
import struct
import sys
import time
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from aiohttp import web

from claude.simulator import faults, replies, rules
from claude.simulator.faults import Fault, Faults
from claude.simulator.ledger import Entry, Ledger
from claude.simulator.limits import Grant, Limits
from claude.simulator.rejection import Rejection
from claude.simulator.request import Asked, accept, authenticated, check_version, parse, prompt_of

MAX_BODY = 32 * 1024 * 1024
KEPT_PROMPTS = 1000
ORGANIZATION = "5e0d1c52-0f6c-4c3e-9d0e-000000000001"
LINGER_ZERO = struct.pack("ii", 1, 0)  # close sends a reset instead of an orderly end
Route = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HungUp(Exception):
    """The connection is to be cut instead of answered."""


@dataclass(kw_only=True)
class Options:
    """What may be changed while it runs. `latency` in seconds, varied by `jitter` (a share) per request."""

    latency: float = 1.0
    jitter: float = 0.2
    seed: int = 0
    rpm: float | None = None
    burst: float | None = None
    keep_prompts: bool = False

    def __post_init__(self) -> None:
        if self.latency < 0 or not 0 <= self.jitter <= 1:
            raise ValueError("latency must be 0 or more, jitter between 0 and 1")
        if (self.rpm is not None and self.rpm <= 0) or (self.burst is not None and self.burst < 1):
            raise ValueError("rpm must be above 0 and burst at least 1, or null")


@dataclass(kw_only=True)
class Call:
    """One POST /v1/messages on its way."""

    http: web.Request
    entry: Entry
    grant: Grant | None = None
    fault: Fault | None = None
    headers: dict[str, str] = field(default_factory=dict)


class Simulator:
    """All state of one server: options, ledger, limits, faults."""

    def __init__(self, options: Options, ledger: Ledger):
        self.options = options
        self.ledger = ledger
        self.limits = Limits(rpm=options.rpm, burst=options.burst)
        self.faults = Faults()
        self.prompts: deque[dict[str, Any]] = deque(maxlen=KEPT_PROMPTS)

    def application(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY, middlewares=[errors])
        app.router.add_post("/v1/messages", self.messages)
        control = {
            ("GET", "ledger"): self.show_ledger,
            ("GET", "prompts"): self.show_prompts,
            ("GET", "faults"): self.show_faults,
            ("GET", "options"): self.show_options,
            ("POST", "reset"): self.reset,
            ("POST", "faults"): self.set_faults,
            ("POST", "options"): self.set_options,
        }
        for (method, name), route in control.items():
            app.router.add_route(method, f"/_simulator/{name}", local_only(route))
        return app

    # ------------------------------------------------------------------------------ the Messages API

    async def messages(self, http: web.Request) -> web.StreamResponse:
        entry = Entry(
            request_id=_new_id("req_"),
            client_request_id=http.headers.get("x-client-request-id"),
            received_at=time.time(),
        )
        self.ledger.add(entry)
        call = Call(http=http, entry=entry)
        try:
            return await self._answer(call)
        except Rejection as rejection:
            entry.status = rejection.status
            return _error(rejection, entry.request_id, self._headers(call))
        except HungUp:
            return _reset(http)
        finally:
            entry.delivered = entry.status is not None and _is_open(http)
            self.ledger.finish(entry, now=time.time())

    async def _answer(self, call: Call) -> web.StreamResponse:
        asked = await self._accept(call)
        self._limit(call, asked)
        call.fault = self.faults.strike(prompt=asked.prompt, digest=asked.digest, seed=self.options.seed)
        if call.fault is not None:
            call.entry.fault = call.fault.kind
            await self._strike_first(call, call.fault)
        reply = replies.answer(asked, seed=self.options.seed, fault=call.fault)
        await asyncio.sleep(self._delay(asked))
        self._bill(call, asked, reply)
        if call.fault is not None and call.fault.kind == "reset_after":
            raise HungUp
        return await self._send(call, asked, reply)

    async def _accept(self, call: Call) -> Asked:
        authenticated(call.http.headers)
        version = check_version(call.http.headers.get("anthropic-version"))
        body = parse(await call.http.read())
        prompt = prompt_of(body)
        model = body.get("model")
        call.entry.model = model if isinstance(model, str) else None
        call.entry.prompt_sha256 = hashlib.sha256(prompt.encode()).hexdigest()
        if self.options.keep_prompts:
            self.prompts.append(_kept(call.entry, prompt, body))
        return accept(body, version=version, today=_today())

    def _limit(self, call: Call, asked: Asked) -> None:
        call.grant = self.limits.take(asked.facts.pool, now=time.monotonic())
        if call.grant.wait:
            raise Rejection(
                429,
                f"This request would exceed your organization's rate limit of {call.grant.limit} requests per minute.",
                retry_after=max(1, -int(-call.grant.wait // 1)),
            )

    async def _strike_first(self, call: Call, fault: Fault) -> None:
        """What happens before anything is generated."""
        rejection = faults.error(fault)
        if rejection is not None:
            raise rejection
        if fault.kind == "reset_before":
            raise HungUp
        if fault.kind == "stall":
            await asyncio.sleep(fault.seconds)

    def _delay(self, asked: Asked) -> float:
        """The latency, moved up or down by what the request's hash says."""
        place = int.from_bytes(asked.digest[:4]) / 2**32
        return self.options.latency * (1 + self.options.jitter * (2 * place - 1))

    def _bill(self, call: Call, asked: Asked, reply: replies.Reply) -> None:
        geo = asked.body.get("inference_geo")
        tokens = {"input_tokens": asked.input_tokens, "output_tokens": reply.output_tokens}
        call.entry.charge(**tokens, cost=rules.bill(asked.facts, **tokens, geo=geo))
        call.entry.stop_reason = reply.stop_reason

    async def _send(self, call: Call, asked: Asked, reply: replies.Reply) -> web.StreamResponse:
        call.entry.status = 200
        headers = self._headers(call, asked.input_tokens, reply.output_tokens)
        if call.fault is not None and call.fault.kind == "not_json_body":
            page = (
                "<html><body><h1>It works</h1><p>This is not the API you are looking for.</p></body></html>"
            )
            return web.Response(text=page, content_type="text/html", headers=headers)
        message = replies.message(asked, reply, message_id=call.entry.request_id.replace("req_", "msg_"))
        body = json.dumps(message, separators=(",", ":")).encode()
        if call.fault is not None and call.fault.kind == "drip":
            return await _drip(call.http, body, headers, call.fault)
        return web.Response(body=body, content_type="application/json", headers=headers)

    def _headers(self, call: Call, input_tokens: int = 0, output_tokens: int = 0) -> dict[str, str]:
        grant = call.grant or Grant(0, *self._unused())
        limits = grant.headers(now=time.time(), input_tokens=input_tokens, output_tokens=output_tokens)
        return {**_always(call.entry.request_id), **limits}

    def _unused(self) -> tuple[int, int, float]:
        limit = self.limits.named()
        return limit, limit, 0

    # ------------------------------------------------------------------------------ the control endpoint

    async def show_ledger(self, http: web.Request) -> web.StreamResponse:
        entries = self.ledger.since(int(http.query.get("since", "0")))
        return web.json_response({"entries": entries})

    async def show_prompts(self, http: web.Request) -> web.StreamResponse:
        limit = int(http.query.get("limit", str(KEPT_PROMPTS)))
        return web.json_response({"prompts": list(self.prompts)[-limit:]})

    async def show_faults(self, http: web.Request) -> web.StreamResponse:
        return web.json_response({"faults": self.faults.state()})

    async def show_options(self, http: web.Request) -> web.StreamResponse:
        return web.json_response(vars(self.options))

    async def reset(self, http: web.Request) -> web.StreamResponse:
        self.ledger.clear()
        self.faults.set([])
        self.prompts.clear()
        self.limits.set(rpm=self.options.rpm, burst=self.options.burst)
        return web.json_response({})

    async def set_faults(self, http: web.Request) -> web.StreamResponse:
        body = await _control_body(http)
        self.faults.set(body.get("faults", []), append=bool(body.get("append")))
        return await self.show_faults(http)

    async def set_options(self, http: web.Request) -> web.StreamResponse:
        self.options = Options(**{**vars(self.options), **await _control_body(http)})
        self.limits.set(rpm=self.options.rpm, burst=self.options.burst)
        return await self.show_options(http)


def local_only(route: Route) -> Route:
    """404 for anyone who does not call from this machine; 400 with the reason for wrong input."""

    async def checked(http: web.Request) -> web.StreamResponse:
        if not ipaddress.ip_address(http.remote or "0.0.0.0").is_loopback:  # noqa: S104 (compared, not bound)
            raise web.HTTPNotFound
        try:
            return await route(http)
        except (ValueError, TypeError) as exc:
            raise Rejection(400, str(exc)) from exc

    return checked


@web.middleware
async def errors(request: web.Request, handler: Route) -> web.StreamResponse:
    """Every error in the API's own shape."""
    request_id = _new_id("req_")
    try:
        return await handler(request)
    except Rejection as rejection:
        return _error(rejection, request_id, _always(request_id))
    except web.HTTPException as exc:
        messages = {404: f"Not found: {request.path}", 405: f"Method not allowed: {request.method}"}
        translated = Rejection(exc.status, messages.get(exc.status, exc.reason))
        return _error(translated, request_id, _always(request_id))
    except Exception:
        traceback.print_exc(file=sys.stderr)
        return _error(Rejection(500, "The simulator itself failed"), request_id, _always(request_id))


def _error(rejection: Rejection, request_id: str, headers: Mapping[str, str]) -> web.Response:
    sent = dict(headers)
    if rejection.retry_after is not None:
        sent["retry-after"] = str(rejection.retry_after)
    return web.json_response(rejection.body(request_id), status=rejection.status, headers=sent)


def _always(request_id: str) -> dict[str, str]:
    return {
        "request-id": request_id,
        "anthropic-organization-id": ORGANIZATION,
        "x-lorapipe-simulator": "1",
    }


def _kept(entry: Entry, prompt: str, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "request_id": entry.request_id,
        "client_request_id": entry.client_request_id,
        "system": body.get("system"),
        "prompt": prompt,
    }


async def _control_body(http: web.Request) -> dict[str, Any]:
    body = json.loads(await http.text() or "{}")
    if not isinstance(body, dict):
        raise ValueError("a JSON object is expected")
    return body


def _reset(http: web.Request) -> web.StreamResponse:
    """Ends the connection with a TCP reset. The returned response is never sent."""
    transport = http.transport
    if transport is not None:
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        transport.abort()
    return web.Response()


async def _drip(
    http: web.Request, body: bytes, headers: Mapping[str, str], fault: Fault
) -> web.StreamResponse:
    """Headers at once, then a few bytes at a time, for as long as the client listens."""
    response = web.StreamResponse(headers={**headers, "content-type": "application/json"})
    response.content_length = len(body)
    await response.prepare(http)
    size = fault.size or 16
    for start in range(0, len(body), size):
        if not _is_open(http):
            break
        await response.write(body[start : start + size])
        await asyncio.sleep(fault.interval)
    return response


def _is_open(http: web.Request) -> bool:
    return http.transport is not None and not http.transport.is_closing()


def _today() -> date:
    return datetime.now(UTC).date()


def _new_id(prefix: str) -> str:
    return prefix + "01" + secrets.token_hex(11)
