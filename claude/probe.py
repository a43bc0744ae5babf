"""Test a server, a key and a model: by free calls first, and by one call of one token if those tell too little."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from claude import translation
from claude.client import Client
from claude.counting import NO_SUCH_ROUTE, ONLY_TO_ANSWER
from claude.errors import Blocked, ClaudeError, Declined
from claude.messages import Request

SMALL_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}},
    "required": ["ok"],
    "additionalProperties": False,
}
QUESTION = "Is this answered? Reply as JSON."


@dataclass(kw_only=True)
class Findings:
    """What was found out; None: unknown. `paid`: a call of one token was made. `problem`: the error that stopped the test."""

    key_accepted: bool | None = None
    model_known: bool | None = None
    lifecycle: str | None = None
    retires: str | None = None
    counts_tokens: bool | None = None
    structured_outputs: bool | None = None
    simulated: bool | None = None
    latency_ms: int | None = None
    paid: bool = False
    problem: ClaudeError | None = None

    @property
    def works(self) -> bool:
        return self.problem is None and bool(self.key_accepted and self.model_known)


@dataclass
class Prober:
    """One test of one model over one client, which takes `deadline_s` seconds at most."""

    client: Client
    model: str
    deadline_s: float
    may_pay: bool
    found: Findings = field(default_factory=Findings)
    started: float = field(default_factory=time.monotonic)

    def run(self) -> Findings:
        try:
            self._look_up()
            self._count()
            if self.may_pay and not (self.found.key_accepted and self.found.model_known):
                self._ask()
        except ClaudeError as problem:
            self.found.problem = problem
            self.found.key_accepted = False if isinstance(problem, Blocked) else self.found.key_accepted
        return self.found

    def _look_up(self) -> None:
        """GET /v1/models/{id}. After a 404, the list of models shows whether the model or the route is missing."""
        try:
            body = self._call(
                lambda sdk, t: sdk.models.with_raw_response.retrieve(model_id=self.model, timeout=t)
            )
        except Declined as refusal:
            if refusal.status not in NO_SUCH_ROUTE:
                return
            if self._has_list():
                self.found.key_accepted, self.found.model_known = True, False
                raise
            return
        if body.get("id"):
            self.found.key_accepted = self.found.model_known = True
            self._read_card(body)

    def _has_list(self) -> bool:
        try:
            body = self._call(lambda sdk, t: sdk.models.with_raw_response.list(limit=1, timeout=t))
        except Declined:
            return False
        return isinstance(body.get("data"), list)

    def _read_card(self, body: dict[str, Any]) -> None:
        lifecycle, retires = body.get("lifecycle"), body.get("retires_at")
        self.found.lifecycle = lifecycle if isinstance(lifecycle, str) else None
        self.found.retires = retires[:10] if isinstance(retires, str) else None
        can = body.get("capabilities")
        able = can.get("structured_outputs") if isinstance(can, dict) else None
        if isinstance(able, dict) and isinstance(able.get("supported"), bool):
            self.found.structured_outputs = able["supported"]

    def _count(self) -> None:
        """POST count_tokens, with a schema if the model's card says that it accepts one."""
        body = {
            name: value for name, value in self._payload().items() if name not in (*ONLY_TO_ANSWER, "model")
        }

        def count(given: dict[str, Any]) -> dict[str, Any]:
            extra = {name: value for name, value in given.items() if name != "messages"}
            return self._call(
                lambda sdk, t: sdk.messages.with_raw_response.count_tokens(
                    model=self.model, messages=given["messages"], extra_body=extra, timeout=t
                )
            )

        answer = self._with_or_without_schema(body, count)
        if answer is None:
            return
        if isinstance(answer.get("input_tokens"), int):
            self.found.counts_tokens = self.found.key_accepted = self.found.model_known = True

    def _ask(self) -> None:
        """A call of one token, for servers without the free routes. If it is refused, the test ends."""
        self.found.paid = True

        def ask(given: dict[str, Any]) -> dict[str, Any]:
            extra = {
                name: value
                for name, value in given.items()
                if name not in ("messages", "model", "max_tokens", "stream")
            }
            return self._call(
                lambda sdk, t: sdk.messages.with_raw_response.create(
                    model=self.model,
                    max_tokens=1,
                    messages=given["messages"],
                    extra_body=extra,
                    timeout=t,
                )
            )

        answer = self._with_or_without_schema(self._payload(), ask, final=True)
        if answer is None or answer.get("type") != "message":
            raise Declined(
                "The server answered, but not with a message of the Messages API. Check ANTHROPIC_BASE_URL.",
                kind="invalid_request",
            )
        self.found.key_accepted = self.found.model_known = True

    def _with_or_without_schema(
        self,
        body: dict[str, Any],
        send: Callable[[dict[str, Any]], dict[str, Any]],
        *,
        final: bool = False,
    ) -> dict[str, Any] | None:
        """Send the body, and again without its schema if it is refused. None when the server does not have the route."""
        format_ = body.get("output_config", {}).get("format")
        try:
            answer = send(body)
        except Declined as refusal:
            if refusal.status in NO_SUCH_ROUTE and not final:
                self.found.counts_tokens = False
                return None
            if format_ is None or refusal.status not in (400, 422):
                if final:
                    raise
                return None
            answer = send(_without_format(body))
            self.found.structured_outputs = False
            return answer
        if format_ is not None and self.found.structured_outputs is None:
            self.found.structured_outputs = True
        return answer

    def _payload(self) -> dict[str, Any]:
        return translation.payload(
            Request(model=self.model, max_tokens=1, prompt=QUESTION, schema=SMALL_SCHEMA)
        )

    def _call(self, send: Callable[[Any, float], Any]) -> dict[str, Any]:
        """The JSON object of an answer with status 200; an empty one if the body is anything else."""
        left = max(0.1, self.deadline_s - (time.monotonic() - self.started))
        begun = time.monotonic()
        with self.client.line(left) as sdk:
            answer = send(sdk, left)
            text, headers = answer.text(), answer.headers
        self.found.latency_ms = round((time.monotonic() - begun) * 1000)
        self.found.simulated = translation.SIMULATOR_HEADER in headers
        try:
            body = json.loads(text)
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}


def _without_format(body: dict[str, Any]) -> dict[str, Any]:
    config = {name: value for name, value in body["output_config"].items() if name != "format"}
    rest = {name: value for name, value in body.items() if name != "output_config"}
    return {**rest, "output_config": config} if config else rest


def probe(client: Client, model: str, *, deadline_s: float, may_pay: bool) -> Findings:
    """Test a model. Errors of server and network are not raised but returned. Without `may_pay` only free calls are made."""
    return Prober(client, model, deadline_s, may_pay).run()
