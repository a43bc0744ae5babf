"""The two kinds of slot that `bench/slots.py` compares: a thread, or a coroutine. Only the measured process imports this."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import UUID

import anthropic
import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lorapipe.settings")
django.setup()

from django.conf import settings  # noqa: E402  Django is set up by now
from django.db import connection  # noqa: E402

from batches.engine import generate  # noqa: E402
from batches.engine.claim import Claim, may_still_leave  # noqa: E402
from batches.engine.file import file, read_reply  # noqa: E402
from batches.engine.retry import release  # noqa: E402
from batches.engine.worker_registry import register  # noqa: E402
from batches.models import BatchItem  # noqa: E402
from claude import translation  # noqa: E402
from claude.messages import Reply, Request  # noqa: E402
from lorapipe.queues import Queue  # noqa: E402

DATABASE_THREADS = 8


def prepare(job_id: UUID, *, slots: int) -> tuple[list[UUID], UUID]:
    """The ids of the job's items in order, and the id of this process as a registered worker."""
    worker_id: UUID = register(queues=[Queue.GENERATION], slots=slots).pk
    items = BatchItem.objects.filter(job=job_id).order_by("position")
    return list(items.values_list("pk", flat=True)), worker_id


def claim_item(item_id: UUID, worker_id: UUID) -> Claim | None:
    call = generate.prepare_call(item_id)
    return generate.claim_or_withdraw(call, worker_id) if call else None


def release_and_pause(claimed: Claim | None) -> None:
    """Release a claim whose call may no longer start; after that, or after a refused claim (None), wait for 0.05 s."""
    if claimed is not None:
        release(claimed)
    connection.close()  # other slots need it to file their replies
    time.sleep(0.05)


def run_in_threads(items: Sequence[UUID], worker_id: UUID, in_flight: int) -> None:
    """Run the items with a thread for each slot, by the steps of `batches.engine.generate`."""

    def one(item_id: UUID) -> None:
        while (claimed := claim_item(item_id, worker_id)) is None or not generate.wait_for_permit(claimed):
            release_and_pause(claimed)
        generate.ask_and_file(claimed)
        connection.close()  # as Celery does after each task

    with ThreadPoolExecutor(in_flight) as slots:
        for done in [slots.submit(one, item) for item in items]:
            done.result()


class Coroutines:
    """Slots as coroutines. The steps that use the database run in a few threads, because Django's ORM is synchronous."""

    def __init__(self, worker_id: UUID, in_flight: int) -> None:
        self.worker_id = worker_id
        self.slots = asyncio.Semaphore(in_flight)
        self.database = ThreadPoolExecutor(DATABASE_THREADS)
        self.client = anthropic.AsyncAnthropic(
            api_key="demo",
            base_url=settings.CLAUDE_BASE_URL,
            max_retries=0,
            http_client=anthropic.DefaultAioHttpClient(),
        )

    async def all(self, items: Sequence[UUID]) -> None:
        async with self.client:
            await asyncio.gather(*(self.one(item) for item in items))

    async def one(self, item_id: UUID) -> None:
        async with self.slots:
            claimed = None
            while claimed is None or not await self.may_leave(claimed):
                if claimed is not None:
                    await self.in_database(partial(release, claimed))
                claimed = await self.in_database(partial(claim_item, item_id, self.worker_id))
            reply = await self.asked(claimed.call.request)
            await self.in_database(partial(file_reply, claimed, reply))

    async def may_leave(self, claimed: Claim) -> bool:
        await asyncio.sleep(max(0.0, claimed.starts_at - time.monotonic()))
        may: bool = await self.in_database(partial(may_still_leave, claimed))
        return may and time.monotonic() <= claimed.starts_at + generate.LATEST_START_S

    async def in_database(self, step: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.database, give_back_connection, step)

    async def asked(self, request: Request) -> Reply:
        extra, began = translation.payload(request), time.monotonic()
        required: dict[str, Any] = {name: extra.pop(name) for name in ("model", "max_tokens", "messages")}
        response = await self.client.messages.with_raw_response.create(
            **required, extra_body=extra, extra_headers=translation.headers(request), timeout=300
        )
        duration_ms = round((time.monotonic() - began) * 1000)
        return translation.reply(
            response.http_response.content, headers=response.headers, duration_ms=duration_ms
        )


def give_back_connection(step: Callable[[], Any]) -> Any:
    """Run a step, then give its connection back to the pool."""
    try:
        return step()
    finally:
        connection.close()


def file_reply(claim: Claim, reply: Reply) -> None:
    file(claim, read_reply(claim.call, reply))


def run_in_coroutines(items: Sequence[UUID], worker_id: UUID, in_flight: int) -> None:
    """Run the items with a coroutine for each slot, over the SDK's aiohttp transport."""

    async def main() -> None:
        await Coroutines(worker_id, in_flight).all(items)

    asyncio.run(main())


WAYS = {"threads": run_in_threads, "asyncio": run_in_coroutines}
