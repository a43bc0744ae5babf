"""Send answers: errors in the API's format, streams piece by piece, and connections that are cut."""

import asyncio
import contextlib
import math
import secrets
import socket
import struct
from collections.abc import Iterator, Mapping

from aiohttp import web

from claude.simulator.replies.events import Course
from claude.simulator.rules.rejection import Rejection

ORGANIZATION = "5e0d1c52-0f6c-4c3e-9d0e-000000000001"
LINGER_ZERO = struct.pack("ii", 1, 0)  # close sends a reset instead of an orderly end
SHORTEST_STEP = (
    0.1  # seconds between two writes of a stream: a thousand streams are ten thousand writes a second
)
EVENT_STREAM = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}


def new_id(prefix: str) -> str:
    return prefix + "01" + secrets.token_hex(11)


def build_common_headers(request_id: str) -> dict[str, str]:
    """The headers of every answer."""
    return {
        "request-id": request_id,
        "anthropic-organization-id": ORGANIZATION,
        "x-lorapipe-simulator": "1",
    }


def error(rejection: Rejection, request_id: str, headers: Mapping[str, str]) -> web.Response:
    return web.json_response(
        rejection.body(request_id), status=rejection.status, headers={**headers, **rejection.headers()}
    )


def reset(http: web.Request) -> web.StreamResponse:
    """End the connection with a TCP reset. The returned response is never sent."""
    transport = http.transport
    if transport is not None:
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        transport.abort()
    return web.Response()


async def drip(
    http: web.Request, body: bytes, headers: Mapping[str, str], *, size: int, interval: float
) -> web.StreamResponse:
    """Headers at once, then a few bytes at a time, for as long as the client listens."""
    response = web.StreamResponse(headers=headers)
    response.content_length = len(body)
    with contextlib.suppress(ConnectionError):
        await response.prepare(http)
        for start in range(0, len(body), size):
            if not is_open(http):
                break
            await response.write(body[start : start + size])
            await asyncio.sleep(interval)
    return response


def first_wait(course: Course, seconds: float) -> float:
    """The seconds before the first piece of a stream of so many seconds, which are the same as between two pieces."""
    return seconds / len(list(_steps(course, seconds)))


async def stream(
    http: web.Request, course: Course, headers: Mapping[str, str], *, seconds: float
) -> web.StreamResponse:
    """Sends the pieces spread evenly over what `first_wait` left of the seconds. Ends early when the client leaves."""
    response = web.StreamResponse(headers={**headers, **EVENT_STREAM})
    with contextlib.suppress(
        ConnectionError
    ):  # a client that has gone does not stop the production of the reply
        await response.prepare(http)
        await _write(http, response, course, seconds)
        if course.ending == "abort":
            _end_inside(http)
    return response


async def _write(http: web.Request, response: web.StreamResponse, course: Course, seconds: float) -> None:
    steps = list(_steps(course, seconds))
    interval, loop = seconds / len(steps), asyncio.get_running_loop()
    due = loop.time() - interval
    for pause, data in steps:
        due += interval + pause
        if due > loop.time():
            await asyncio.sleep(due - loop.time())
        if not is_open(http):
            return
        await response.write(data)


def _steps(course: Course, seconds: float) -> Iterator[tuple[float, bytes]]:
    """Each write as (seconds to wait before it, bytes). Pieces that would follow too closely are sent together."""
    together = math.ceil(len(course.pieces) * SHORTEST_STEP / seconds) if seconds else len(course.pieces)
    held: list[bytes] = []
    pause = 0.0
    for index, piece in enumerate(course.pieces):
        if held and (index in course.pauses or len(held) >= together):
            yield pause, b"".join(held)
            held, pause = [], course.pauses.get(index, 0.0)
        held.append(piece)
    yield pause, b"".join(held)


def _end_inside(http: web.Request) -> None:
    """Send what was written, then end the connection in the middle of the body."""
    if http.transport is not None:
        http.transport.close()


def is_open(http: web.Request) -> bool:
    return http.transport is not None and not http.transport.is_closing()
