"""A proxy that cuts the connection at the worst moment: when the server has done it, and nobody has been told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class Proxy:
    """Passes requests on; of those whose first line contains one of `cut` it drops the answer, of each the first."""

    def __init__(self, to: str) -> None:
        self._to = urlsplit(to)
        self.cut: list[str] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((int(v) for n, _, v in _headers(head) if n == "content-length"), 0)
            body = await reader.readexactly(length)
            up, down = await asyncio.open_connection(self._to.hostname, self._to.port)
            down.write(head + body)
            answer = await up.read()  # Tryton closes when it has answered, and it answers when it has committed
            down.close()
            line = head.split(b"\r\n")[0].decode()
            named = next((part for part in self.cut if part in line), None)
            if named is not None:
                self.cut.remove(named)
            else:
                writer.write(answer)
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


def _headers(head: bytes) -> list[tuple[str, str, str]]:
    return [
        (n.lower().strip(), s, v.strip()) for n, s, v in (line.partition(":") for line in head.decode().split("\r\n"))
    ]


@asynccontextmanager
async def proxy(to: str) -> AsyncIterator[Proxy]:
    made = Proxy(to)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield made
