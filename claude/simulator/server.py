"""The HTTP server: its routes, and how a request is processed."""

import asyncio
import hashlib
import json
import sys
import time
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from claude.simulator import faults, wire
from claude.simulator.faults import Fault, Faults
from claude.simulator.ledger import Entry, Ledger
from claude.simulator.options import Options
from claude.simulator.replies import compose, events
from claude.simulator.replies.flaws import Planter, choose_plant
from claude.simulator.rules import catalogue, model_rules
from claude.simulator.rules.caching import PrefixCache, Split
from claude.simulator.rules.limits import Limits
from claude.simulator.rules.rejection import Rejection
from claude.simulator.rules.request import (
    Asked,
    accept,
    authenticate,
    check_version,
    count,
    parse,
    prompt_of,
)

MAX_BODY = 32 * 1024 * 1024
KEPT_PROMPTS = 1000
NOT_THE_API = "<html><body><h1>It works</h1><p>This is not the API you are looking for.</p></body></html>"
Route = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HungUp(Exception):
    """The connection is to be cut instead of sending an answer."""


@dataclass(kw_only=True)
class Call:
    """One POST /v1/messages. `started`: when it arrived, on the simulated clock; cache lifetimes start then."""

    http: web.Request
    entry: Entry
    started: float
    workspace: str = ""
    pool: str | None = None
    fault: Fault | None = None
    own: dict[str, int] = field(default_factory=dict)

    def is_hit_by(self, kind: str) -> bool:
        return self.fault is not None and self.fault.kind == kind


class Simulator:
    """All state of one server: options, ledger, limits, caches, faults, planted flaws."""

    def __init__(self, options: Options, ledger: Ledger):
        self.options = options
        self.ledger = ledger
        self.limits = Limits()
        self.limits.set(**options.limits())
        self.cache = PrefixCache()
        self.faults = Faults()
        self.planter = Planter()
        self.prompts: deque[dict[str, Any]] = deque(maxlen=KEPT_PROMPTS)

    def application(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY, middlewares=[errors])
        app.router.add_post("/v1/messages", self.messages)
        app.router.add_post("/v1/messages/count_tokens", self.count_tokens)
        app.router.add_get("/v1/models", self.models)
        app.router.add_get("/v1/models/{id}", self.model)
        return app

    # ------------------------------------------------------------------------------ POST /v1/messages

    async def messages(self, http: web.Request) -> web.StreamResponse:
        entry = Entry(
            request_id=wire.new_id("req_"),
            client_request_id=http.headers.get("x-client-request-id"),
            received_at=time.time(),
        )
        self.ledger.add(entry)
        call = Call(http=http, entry=entry, started=self.options.clock())
        try:
            return await self._answer(call)
        except Rejection as rejection:
            entry.status = rejection.status
            return wire.error(rejection, entry.request_id, self._headers(call))
        except HungUp:
            return wire.reset(http)
        finally:
            entry.delivered = entry.status is not None and wire.is_open(http)
            self.ledger.finish(entry, now=time.time())

    async def _answer(self, call: Call) -> web.StreamResponse:
        asked = await self._accept(call)
        split = self._split(call, asked)
        call.pool = asked.facts.pool
        self.limits.take(call.pool, input_tokens=split.limited, now=time.monotonic())
        call.fault = self.faults.strike(
            prompt=asked.prompt,
            digest=asked.digest,
            seed=self.options.seed,
            stream=asked.stream,
            key=authenticate(call.http.headers),
        )
        if call.fault is not None:
            call.entry.fault = call.fault.kind
            await _strike_first(call.fault)
        plant = choose_plant(self.planter, every=self.options.flawed_every)
        reply = compose.answer(asked, seed=self.options.seed, fault=call.fault, plant=plant)
        message_id = call.entry.request_id.replace("req_", "msg_")
        message = compose.message(asked, reply, split, message_id=message_id)
        if asked.stream and not call.is_hit_by("not_json_body"):
            return await self._stream(call, asked, split, message)
        await asyncio.sleep(self.options.delay(asked.digest))
        self._begin(call, asked, split, message["stop_reason"], output_tokens=reply.output_tokens)
        self._record_output(call, reply.output_tokens)
        return await self._whole(call, message)

    async def _accept(self, call: Call) -> Asked:
        call.workspace = authenticate(call.http.headers)
        version = check_version(call.http.headers.get("anthropic-version"))
        body = parse(await call.http.read())
        prompt, model = prompt_of(body), body.get("model")
        call.entry.model = model if isinstance(model, str) else None
        call.entry.prompt_sha256 = hashlib.sha256(prompt.encode()).hexdigest()
        if self.options.keep_prompts:
            self.prompts.append(_entry_as_json(call.entry, prompt, body))
        asked = accept(body, version=version, options=self.options)
        call.entry.stream = asked.stream
        return asked

    def _split(self, call: Call, asked: Asked) -> Split:
        """What the request reads from the cache, decided when it starts. What it writes is stored when its response begins."""
        return self.cache.split(
            asked.blocks,
            scope=f"{asked.model} {call.workspace}",
            minimum=asked.facts.cache_minimum,
            now=call.started,
        )

    def _begin(
        self, call: Call, asked: Asked, split: Split, stop_reason: str | None, *, output_tokens: int
    ) -> None:
        """Begin the response: its cache entry can be read from now on, and the call is billed, even if it does not arrive."""
        self.cache.keep(split, started=call.started)
        cost = model_rules.bill(
            asked.facts,
            input_tokens=split.input_tokens,
            output_tokens=output_tokens,
            write_5m=split.write_5m,
            write_1h=split.write_1h,
            read=split.read,
            geo=asked.body.get("inference_geo"),
        )
        call.entry.charge(split, output_tokens=output_tokens, cost=cost)
        call.entry.stop_reason = stop_reason
        call.own = {"requests": 1, "input-tokens": split.limited}
        if call.is_hit_by("reset_after"):
            self._record_output(call, output_tokens)
            raise HungUp
        call.entry.status = 200

    def _record_output(self, call: Call, output_tokens: int) -> None:
        call.own["output-tokens"] = output_tokens
        self.limits.record_output(call.pool or "", output_tokens, now=time.monotonic())

    async def _whole(self, call: Call, message: Mapping[str, Any]) -> web.StreamResponse:
        headers = self._headers(call)
        if call.is_hit_by("not_json_body"):
            return web.Response(text=NOT_THE_API, content_type="text/html", headers=headers)
        body = json.dumps(message, separators=(",", ":")).encode()
        if call.fault is not None and call.fault.kind == "drip":
            headers["content-type"] = "application/json"
            size, interval = call.fault.size or 16, call.fault.interval
            return await wire.drip(call.http, body, headers, size=size, interval=interval)
        return web.Response(body=body, content_type="application/json", headers=headers)

    async def _stream(
        self, call: Call, asked: Asked, split: Split, message: Mapping[str, Any]
    ) -> web.StreamResponse:
        course = events.course(message, fault=call.fault, digest=asked.digest)
        seconds = self.options.delay(asked.digest)
        await asyncio.sleep(wire.first_wait(course, seconds))
        self._begin(call, asked, split, course.stop_reason, output_tokens=course.output_tokens)
        headers = self._headers(call)
        try:
            if call.fault is not None and call.fault.kind == "drip":
                size, interval = call.fault.size or 16, call.fault.interval
                return await wire.drip(
                    call.http,
                    b"".join(course.pieces),
                    {**headers, **wire.EVENT_STREAM},
                    size=size,
                    interval=interval,
                )
            return await wire.stream(call.http, course, headers, seconds=seconds)
        finally:
            self._record_output(call, course.output_tokens)

    def _headers(self, call: Call) -> dict[str, str]:
        limits = self.limits.headers(call.pool, own=call.own, now=time.monotonic(), clock=time.time())
        return {**wire.build_common_headers(call.entry.request_id), **limits}

    # ------------------------------------------------------------------------------ the free routes

    async def count_tokens(self, http: web.Request) -> web.StreamResponse:
        """Not in the ledger, which is about what costs something."""
        _only_if(self.options.counts_tokens, http)
        authenticate(http.headers)
        version = check_version(http.headers.get("anthropic-version"))
        tokens = count(parse(await http.read()), version=version, options=self.options)
        return web.json_response(
            {"input_tokens": tokens}, headers=wire.build_common_headers(wire.new_id("req_"))
        )

    async def models(self, http: web.Request) -> web.StreamResponse:
        _only_if(self.options.lists_models, http)
        authenticate(http.headers)
        check_version(http.headers.get("anthropic-version"))
        page = catalogue.page(http.query, today=self.options.today())
        return web.json_response(page, headers=wire.build_common_headers(wire.new_id("req_")))

    async def model(self, http: web.Request) -> web.StreamResponse:
        _only_if(self.options.lists_models, http)
        authenticate(http.headers)
        check_version(http.headers.get("anthropic-version"))
        found = catalogue.model(http.match_info["id"], today=self.options.today())
        return web.json_response(found, headers=wire.build_common_headers(wire.new_id("req_")))


def _only_if(served: bool, http: web.Request) -> None:
    """Raise a 404 for a route that this server is configured not to have. The key is not checked before."""
    if not served:
        raise Rejection(404, f"Not found: {http.path}")


async def _strike_first(fault: Fault) -> None:
    """What happens before anything is generated."""
    rejection = faults.error(fault)
    if rejection is not None:
        raise rejection
    if fault.kind == "reset_before":
        raise HungUp
    if fault.kind == "stall":
        await asyncio.sleep(fault.seconds)


@web.middleware
async def errors(request: web.Request, handler: Route) -> web.StreamResponse:
    """Every error in the API's own shape."""
    request_id = wire.new_id("req_")
    try:
        return await handler(request)
    except Rejection as rejection:
        return wire.error(rejection, request_id, wire.build_common_headers(request_id))
    except web.HTTPException as exc:
        messages = {404: f"Not found: {request.path}", 405: f"Method not allowed: {request.method}"}
        translated = Rejection(exc.status, messages.get(exc.status, exc.reason))
        return wire.error(translated, request_id, wire.build_common_headers(request_id))
    except Exception:
        traceback.print_exc(file=sys.stderr)
        return wire.error(
            Rejection(500, "The simulator itself failed"), request_id, wire.build_common_headers(request_id)
        )


def _entry_as_json(entry: Entry, prompt: str, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "request_id": entry.request_id,
        "client_request_id": entry.client_request_id,
        "system": body.get("system"),
        "prompt": prompt,
    }
