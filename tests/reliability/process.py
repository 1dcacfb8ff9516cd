"""crmcore as its operator runs it: processes of its own, that a test may kill at any moment."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    """A port on the loopback that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Process:
    """One `crmcore` command. `ready` is the beginning of the line that it prints when it is up."""

    def __init__(
        self, url: str, arguments: Sequence[str], ready: str, environment: dict[str, str] | None = None
    ) -> None:
        self._command = [sys.executable, "-m", "crmcore.cli", "--database", url, *arguments]
        self._environment = {
            **os.environ, "PYTHONPATH": str(ROOT), "CRMCORE_PLUGINS_ENABLED": "false", "CRMCORE_LOG_LEVEL": "error",
            "PYTHONUNBUFFERED": "1", **(environment or {}),
        }  # fmt: skip
        self._ready = ready.encode()
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, and wait until it is up."""
        self._process = await asyncio.create_subprocess_exec(
            *self._command, env=self._environment, stdout=asyncio.subprocess.PIPE, cwd=ROOT
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            while line := await self._process.stdout.readline():
                if line.startswith(self._ready):
                    return
        raise AssertionError(f"{self._command} ended with {await self._process.wait()}")

    async def kill(self) -> None:
        """kill -9, whatever it does."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """SIGTERM; its exit code."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        process = self._process
        assert process is not None
        if process.returncode is None:
            process.send_signal(number)
        async with asyncio.timeout(30):
            return await process.wait()


@asynccontextmanager
async def serving(url: str, **environment: str) -> AsyncIterator[tuple[Process, str]]:
    """`crmcore serve` on this database, and its address, which stays the same when it is started again."""
    port = free_port()
    server = Process(url, ["serve", "--port", str(port)], "crmcore ", environment)
    await server.start()
    try:
        yield server, f"http://127.0.0.1:{port}"
    finally:
        await server.kill()


@asynccontextmanager
async def working(url: str, **environment: str) -> AsyncIterator[Process]:
    """`crmcore worker` on this database."""
    worker = Process(url, ["worker"], "crmcore ", environment)
    await worker.start()
    try:
        yield worker
    finally:
        await worker.kill()
