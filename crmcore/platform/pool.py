"""PostgreSQL connections kept open, handed out without a task, a proxy or a round trip.

asyncpg's own pool costs a third of a short query.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any


class Pool:
    """At most `limit` connections. `acquire` and `release` must be paired; neither is harmed by cancellation."""

    def __init__(self, connect: Callable[[], Awaitable[Any]], limit: int) -> None:
        self.limit = limit
        self._connect = connect
        self._idle: deque[Any] = deque()
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._open: set[Any] = set()
        self._opening = 0
        self._opener: set[asyncio.Future[Any]] = set()
        self._closed = False

    async def acquire(self) -> Any:
        """A connection that is open as far as this side knows; waits while all are in use."""
        while True:
            while self._idle:
                connection = self._idle.pop()  # the one used last: its statements are warm
                if not connection.is_closed():
                    return connection
                self._drop(connection)
            if self._closed:
                raise ConnectionError("the pool is closed")
            if len(self._open) + self._opening < self.limit:
                return await self._grow()
            connection = await self._wait()
            if connection is not None:
                return connection

    def release(self, connection: Any, *, tired: bool = False) -> None:
        """Give a connection back. A `tired` one, whose last query was cancelled, is used again as late as possible."""
        if connection.is_closed():
            self._drop(connection)
            self._wake(None)
        elif self._closed:
            self._drop(connection)
        elif not self._wake(connection):
            (self._idle.appendleft if tired else self._idle.append)(connection)

    def forget(self) -> None:
        """Close what is idle, because the server has gone: what is opened next talks to the new one."""
        while self._idle:
            self._drop(self._idle.pop())

    async def close(self, wait_seconds: float = 5) -> None:
        """Close everything, what is in use when it comes back or when the time is over."""
        self._closed = True
        while self._waiting:
            self._wake(None)
        for connection in self._idle:
            self._open.discard(connection)
            await connection.close(timeout=2)
        self._idle.clear()
        loop = asyncio.get_running_loop()
        end = loop.time() + wait_seconds
        while (self._open or self._opening) and loop.time() < end:
            await asyncio.sleep(0.01)
        for connection in self._open:
            connection.terminate()
        self._open.clear()

    def _drop(self, connection: Any) -> None:
        self._open.discard(connection)
        connection.terminate()  # a connection that the server has closed wants this too, to give its socket back

    async def _wait(self) -> Any:
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                connection = waiter.result()
                self._wake(None) if connection is None else self.release(connection)
            raise

    def _wake(self, connection: Any) -> bool:
        """Hand a connection to the one who waits longest; None tells them to look again."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False

    async def _grow(self) -> Any:
        self._opening += 1
        opening = asyncio.ensure_future(self._connect())
        self._opener.add(opening)
        opening.add_done_callback(self._opened)
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(self._unwanted)
            raise

    def _opened(self, opening: asyncio.Future[Any]) -> None:
        self._opener.discard(opening)
        self._opening -= 1
        if opening.cancelled() or opening.exception() is not None:
            self._wake(None)
        else:
            self._open.add(opening.result())

    def _unwanted(self, opening: asyncio.Future[Any]) -> None:
        """Whoever wanted it was cancelled: it is everybody's now."""
        if not opening.cancelled() and opening.exception() is None:
            self.release(opening.result())
