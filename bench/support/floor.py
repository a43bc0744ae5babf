"""The floor: the same calls by a plain asyncio loop over the SDK, without rows, limits or recovery.

`python -m bench.support.floor BASE_URL N CONCURRENCY` prints `<wall seconds> <CPU seconds>` of N calls.
"""

import asyncio
import sys
import time

import anthropic

MODEL = "claude-sonnet-5-5"
PROMPT = (
    "Write one complete conversation between a person and a financial-planning assistant about {topic}. " * 20
)


async def main(base_url: str, calls: int, concurrency: int) -> None:
    slots = asyncio.Semaphore(concurrency)
    async with anthropic.AsyncAnthropic(api_key="demo", base_url=base_url, max_retries=0) as client:

        async def ask(number: int) -> None:
            async with slots:
                prompt = PROMPT.format(topic=f"question {number}")
                message = await client.messages.create(
                    model=MODEL, max_tokens=8192, messages=[{"role": "user", "content": prompt}], timeout=300
                )
                assert message.stop_reason == "end_turn"

        await asyncio.gather(*(ask(number) for number in range(calls)))


if __name__ == "__main__":
    begun, cpu = time.monotonic(), time.process_time()
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
    print(time.monotonic() - begun, time.process_time() - cpu)
