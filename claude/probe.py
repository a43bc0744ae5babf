"""Test a server, a key and a model: by free calls first, then by one short call of the kind that a batch makes.

The free calls say what is known, and cost nothing when the key or the model is wrong. Only the paid one shows that a batch
works: it sends the same fields, a schema of the same kind, and is streamed where a batch's calls are.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from claude import translation
from claude.client import Client
from claude.counting import ONLY_TO_ANSWER, lacks_route
from claude.errors import Blocked, ClaudeError, Declined
from claude.messages import Reply, Request, Usage
from claude.translation import PreparedRequest

# It has every feature of the schema of a conversation: a list of objects, a choice, texts, and nothing more allowed.
SMALL_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "answers": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "word": {"type": "string", "enum": ["yes", "no"]},
                    "reason": {"type": "string", "description": "At most five words"},
                },
                "required": ["word", "reason"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["answers"],
    "additionalProperties": False,
}
OF_THE_KEY = ("provider_auth", "provider_billing")
SYSTEM = "You answer with one JSON object and nothing else."
QUESTION = "Is this answered? Give one answer, with a reason of at most five words."


@dataclass(kw_only=True)
class Findings:
    """What was found out; None: unknown. `problem`: the error that stopped the test.

    `paid`: the tokens of the call that a batch makes, once it was answered; `streamed`: whether that call was.
    """

    key_accepted: bool | None = None
    model_known: bool | None = None
    lifecycle: str | None = None
    retires: str | None = None
    counts_tokens: bool | None = None
    structured_outputs: bool | None = None
    simulated: bool | None = None
    latency_ms: int | None = None
    paid: Usage | None = None
    streamed: bool = False
    problem: ClaudeError | None = None

    @property
    def works(self) -> bool:
        return self.problem is None and bool(self.key_accepted and self.model_known)


@dataclass
class Prober:
    """One test of one model over one client, which takes `deadline_s` seconds at most.

    `max_tokens` and `temperature`: those of a batch's calls.
    """

    client: Client
    model: str
    deadline_s: float
    may_pay: bool
    max_tokens: int
    temperature: float | None
    found: Findings = field(default_factory=Findings)
    started: float = field(default_factory=time.monotonic)

    def run(self) -> Findings:
        try:
            self._look_up()
            self._count()
            if self.may_pay:
                self._ask()
        except ClaudeError as problem:
            self.found.problem = problem
            self.found.key_accepted = False if problem.kind in OF_THE_KEY else self.found.key_accepted
        return self.found

    def _look_up(self) -> None:
        """GET /v1/models/{id}. After a 404, the list of models shows whether the model or the route is missing."""
        try:
            body = self._call(
                lambda sdk, t: sdk.models.with_raw_response.retrieve(model_id=self.model, timeout=t)
            )
        except (Declined, Blocked) as refusal:
            if refusal.kind in OF_THE_KEY:
                raise
            if not lacks_route(refusal):
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
        except (Declined, Blocked):
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
        given = {name: value for name, value in self._payload().items() if name not in ONLY_TO_ANSWER}
        try:
            answer = self._count_with_or_without_schema(given)
        except (Declined, Blocked) as refusal:
            if refusal.kind in OF_THE_KEY:
                raise
            self.found.counts_tokens = False if lacks_route(refusal) else None
            return
        if isinstance(answer.get("input_tokens"), int):
            self.found.counts_tokens = self.found.key_accepted = self.found.model_known = True

    def _count_with_or_without_schema(self, given: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = self._call_count(given)
        except (Declined, Blocked) as refusal:
            if not _may_be_the_schema(refusal, given):
                raise
            answer = self._call_count(_without_format(given))
            self.found.structured_outputs = False
            return answer
        if _has_format(given) and self.found.structured_outputs is None:
            self.found.structured_outputs = True
        return answer

    def _call_count(self, given: dict[str, Any]) -> dict[str, Any]:
        extra = {name: value for name, value in given.items() if name not in ("messages", "model")}
        return self._call(
            lambda sdk, t: sdk.messages.with_raw_response.count_tokens(
                model=self.model, messages=given["messages"], extra_body=extra, timeout=t
            )
        )

    def _ask(self) -> None:
        """The call that a batch makes. If its schema is refused, once more without it, as a batch then does."""
        prepared = translation.prepare(self._request())
        try:
            reply = self._send(prepared)
            if _has_format(prepared.body):
                self.found.structured_outputs = True
        except (Declined, Blocked) as refusal:
            if not _may_be_the_schema(refusal, prepared.body):
                raise
            reply = self._send(replace(prepared, body=_without_format(prepared.body)))
            self.found.structured_outputs = False
        self.found.key_accepted = self.found.model_known = True
        self.found.streamed = bool(prepared.body.get("stream"))
        self.found.paid = reply.usage
        if not reply.text.strip():
            raise Declined(_explain_no_text(reply), kind="invalid_request", request_id=reply.request_id)

    def _send(self, prepared: PreparedRequest) -> Reply:
        reply = self.client.send(prepared, deadline_s=self._seconds_left())
        self.found.latency_ms, self.found.simulated = reply.duration_ms, reply.simulated
        return reply

    def _request(self) -> Request:
        return Request(
            model=self.model,
            max_tokens=self.max_tokens,
            prompt=QUESTION,
            system=SYSTEM,
            schema=SMALL_SCHEMA,
            temperature=self.temperature,
        )

    def _payload(self) -> dict[str, Any]:
        return translation.payload(self._request())

    def _seconds_left(self) -> float:
        return max(0.1, self.deadline_s - (time.monotonic() - self.started))

    def _call(self, send: Callable[[Any, float], Any]) -> dict[str, Any]:
        """The JSON object of an answer with status 200; an empty one if the body is anything else."""
        left = self._seconds_left()
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


def _has_format(body: Mapping[str, Any]) -> bool:
    return "format" in body.get("output_config", {})


def _may_be_the_schema(refusal: ClaudeError, body: Mapping[str, Any]) -> bool:
    return _has_format(body) and refusal.kind not in OF_THE_KEY and refusal.status in (400, 422)


def _without_format(body: Mapping[str, Any]) -> dict[str, Any]:
    config = {name: value for name, value in body["output_config"].items() if name != "format"}
    rest = {name: value for name, value in body.items() if name != "output_config"}
    return {**rest, "output_config": config} if config else rest


def _explain_no_text(reply: Reply) -> str:
    if reply.only_thinking:
        return "The reply holds the model's thinking and no text. Raise ANTHROPIC_MAX_TOKENS, or let the model think less."
    return f"The server answered with a message without text (it stopped with {reply.stop_reason or 'no reason'})."


def probe(
    client: Client,
    model: str,
    *,
    deadline_s: float,
    may_pay: bool,
    max_tokens: int,
    temperature: float | None = None,
) -> Findings:
    """Test a model. Errors of server and network are not raised but returned. Without `may_pay` only free calls are made."""
    return Prober(client, model, deadline_s, may_pay, max_tokens, temperature).run()
