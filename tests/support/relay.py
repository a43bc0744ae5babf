"""A TCP relay: `python -m tests.support.relay ADDRESS PORT` forwards a free port of ADDRESS to PORT of our loopback.

It is a process of its own, so that it ends together with the test that started it, with all its connections.
"""

import asyncio
import sys
from contextlib import suppress

CHUNK = 65_536


async def main(address: str, port: int) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))

    server = await asyncio.start_server(serve, address, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while part := await reader.read(CHUNK):
            writer.write(part)
            await writer.drain()
        writer.write_eof()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
