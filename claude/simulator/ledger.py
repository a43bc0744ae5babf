"""The ledger: one entry for every request, in order of arrival, with what it would have cost."""

import json
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from claude.simulator.rules.caching import Split


@dataclass(kw_only=True)
class Entry:
    """One request. `status` None: no answer was sent (yet, or ever). Times in Unix seconds, tokens and money as billed.

    `input_tokens` are those after the last cache mark, without cache writes and reads, which have fields of their own.
    """

    request_id: str
    client_request_id: str | None
    received_at: float
    model: str | None = None
    answered_at: float | None = None
    status: int | None = None
    billed: bool = False
    delivered: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    cache_read: int = 0
    stream: bool = False
    cost_usd: str = "0"
    fault: str | None = None
    stop_reason: str | None = None
    prompt_sha256: str | None = None

    def charge(self, split: Split, *, output_tokens: int, cost: Decimal) -> None:
        self.billed = True
        self.input_tokens = split.input_tokens
        self.output_tokens = output_tokens
        self.cache_write_5m = split.write_5m
        self.cache_write_1h = split.write_1h
        self.cache_read = split.read
        self.cost_usd = format(cost, "f")


class Ledger:
    """Kept in memory. If there is a file, each finished entry is appended to it, so that a kill loses none."""

    def __init__(self, file: Path | None = None):
        self._entries: list[Entry] = []
        self._out: IO[str] | None = file.open("a", encoding="utf-8", buffering=1) if file else None

    def add(self, entry: Entry) -> None:
        self._entries.append(entry)

    def finish(self, entry: Entry, *, now: float) -> None:
        entry.answered_at = now
        if self._out is not None:
            self._out.write(json.dumps(asdict(entry)) + "\n")

    def since(self, index: int) -> list[dict[str, Any]]:
        return [asdict(entry) for entry in self._entries[index:]]

    def clear(self) -> None:
        self._entries.clear()

    def close(self) -> None:
        if self._out is not None:
            self._out.close()
