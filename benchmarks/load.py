"""The load generator, a process of its own: keep-alive connections to 127.0.0.1 that ask, read and ask again.

It reads one job a line on its input and answers with one line: "ready" when it has warmed up, and after the next line
("go") the result. It is bounded in count and in time, and stops when its input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

HEAD_END = b"\r\n\r\n"


class Window:
    """A number of requests, taken in turn from a list, over some connections."""

    def __init__(self, requests: list[bytes], count: int, seconds: float) -> None:
        self.requests = requests
        self.left = count
        self.next = 0
        self.until = time.perf_counter() + seconds
        self.latencies: list[float] = []
        self.failed: list[str] = []
        self.busy = 0
        self.done = asyncio.get_running_loop().create_future()

    def take(self) -> bytes | None:
        if self.left <= 0 or time.perf_counter() > self.until:
            return None
        self.left -= 1
        self.next += 1
        return self.requests[self.next % len(self.requests)]

    def answered(self, seconds: float, problem: str) -> None:
        self.latencies.append(seconds)
        if problem:
            self.failed.append(problem)

    def idle(self) -> None:
        self.busy -= 1
        if not self.busy and not self.done.done():
            self.done.set_result(None)


class Client(asyncio.Protocol):
    """One connection: one request under way at a time."""

    def __init__(self) -> None:
        self.window: Window | None = None
        self.buffer = bytearray()
        self.wanted = -1
        self.sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        if self.window is not None:
            self.window.failed.append(f"connection lost: {error}")
            self.window.idle()

    def begin(self, window: Window) -> None:
        self.window = window
        window.busy += 1
        self._ask()

    def _ask(self) -> None:
        assert self.window is not None
        request = self.window.take()
        if request is None:
            window, self.window = self.window, None
            window.idle()
            return
        self.sent = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.wanted < 0:
            end = self.buffer.find(HEAD_END)
            if end < 0:
                return
            head = bytes(self.buffer[:end]).lower()
            self.wanted = end + len(HEAD_END) + int(head.split(b"content-length:", 1)[1].split(b"\r", 1)[0])
        if len(self.buffer) >= self.wanted:
            self._answered()

    def _answered(self) -> None:
        assert self.window is not None
        problem = "" if self.buffer.startswith(b"HTTP/1.1 200") else bytes(self.buffer[:300]).decode(errors="replace")
        if b'"errors":[{' in self.buffer:
            problem = bytes(self.buffer[-300:]).decode(errors="replace")
        self.window.answered(time.perf_counter() - self.sent, problem)
        self.buffer.clear()
        self.wanted = -1
        self._ask()


def request_bytes(path: str, token: str, body: str) -> bytes:
    payload = body.encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nAccept: application/json\r\nContent-Length: {len(payload)}\r\n\r\n"
    )
    return head.encode() + payload


async def run(job: dict[str, Any]) -> dict[str, Any]:
    """Warm up, say so, wait for "go", run the window."""
    loop = asyncio.get_running_loop()
    requests = [request_bytes(job["path"], job["token"], body) for body in job["bodies"]]
    clients = []
    for _ in range(job["connections"]):
        _, client = await loop.create_connection(Client, "127.0.0.1", job["port"])
        clients.append(client)
    await _window(clients, Window(requests, job["warm"], job["seconds"]))
    print('"ready"', flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    window = Window(requests, job["count"], job["seconds"])
    began = time.perf_counter()
    await _window(clients, window)
    wall = time.perf_counter() - began
    for client in clients:
        client.transport.close()
    ordered = sorted(window.latencies)
    return {
        "requests": len(ordered),
        "seconds": wall,
        "p50": ordered[len(ordered) // 2] if ordered else None,
        "p95": ordered[int(len(ordered) * 0.95)] if ordered else None,
        "failed": window.failed[:3],
    }


async def _window(clients: list[Client], window: Window) -> None:
    if window.left:
        for client in clients:
            client.begin(window)
        await window.done


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(asyncio.run(run(json.loads(line)))), flush=True)


if __name__ == "__main__":
    main()
