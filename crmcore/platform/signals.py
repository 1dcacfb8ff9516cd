"""Wake-ups: who waits for work is told that there may be some, in this process and in others.

A signal is a hint and carries nothing: who is woken looks into the tables. It may come without a cause, and get lost
with a connection; therefore every wait has an end.

On PostgreSQL the processes tell each other by NOTIFY: after the commit, on a connection of its own, many at once.
Inside the transaction it would make all commits of the server queue up. On SQLite another process is not heard.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from contextvars import Context
from typing import Any, Final
from weakref import WeakKeyDictionary

Connect = Callable[[], Awaitable[Any]]

_CHANNEL: Final = "crmcore"
"""PostgreSQL's channel; ours are its payloads."""

_TOGETHER: Final = 0.02
"""Seconds that what is announced after a NOTIFY waits for more: at most 50 of them in a second."""

_PAUSES: Final = (0.05, 0.1, 0.2, 0.5, 1, 2, 5)
"""Seconds before a lost connection is opened again, the last one for ever."""


class Signals:
    """The channels of one process."""

    def __init__(self) -> None:
        self._count: defaultdict[str, int] = defaultdict(int)
        self._waiting: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)
        self._looked: WeakKeyDictionary[Any, dict[str, int]] = WeakKeyDictionary()

    def announce(self, channel: str) -> None:
        """Wake those who wait for the channel; who does not wait at the moment need not wait the next time."""
        self._wake(channel)

    async def wait(self, channel: str, seconds: float) -> bool:
        """Whether the channel was announced since this task last returned from here; waits for that so long.

        So nothing is missed by who looks, waits, and looks again; at first it may return at once, without a cause.

            while True:
                await work_that_is_there()
                await db.signals.wait("jobs", 5)
        """
        seen = self._looked.setdefault(asyncio.current_task(), {})
        if seen.setdefault(channel, 0) == self._count[channel]:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting[channel].add(waiter)
            try:
                await asyncio.wait((waiter,), timeout=seconds)
            finally:
                self._waiting[channel].discard(waiter)
        announced = seen[channel] != self._count[channel]
        seen[channel] = self._count[channel]
        return announced

    async def close(self) -> None:
        """Wake all who wait, for the last time."""
        self._wake_all()

    def _wake(self, channel: str) -> None:
        self._count[channel] += 1
        for waiter in self._waiting[channel]:
            if not waiter.done():
                waiter.set_result(None)

    def _wake_all(self) -> None:
        for channel in [*self._count]:
            self._wake(channel)


class PostgresSignals(Signals):
    """Channels that reach the other processes on this database. `connect` opens a connection outside of the pool, and
    may raise `errors`.

    The connection that listens is opened by the first who waits, the one that tells by the first announcement. Each is
    opened again when it is lost.
    """

    def __init__(self, connect: Connect, errors: tuple[type[Exception], ...]) -> None:
        super().__init__()
        self._connect = connect
        self._errors = errors
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._closed = False
        self._untold: set[str] = set()
        self._news = asyncio.Event()
        self._speaker = 0

    def announce(self, channel: str) -> None:
        self._wake(channel)
        self._untold.add(channel)
        self._news.set()
        self._keep("tell", self._tell)

    async def wait(self, channel: str, seconds: float) -> bool:
        self._keep("listen", self._listen)
        return await super().wait(channel, seconds)

    async def close(self) -> None:
        """Tell what is untold yet, if that is possible at once, and wake all who wait."""
        self._closed = True
        if self._untold:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told(), 1)
        tasks = [*self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await super().close()

    def _keep(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have this task running, in a context of its own: it must not inherit the request that came first."""
        if not self._closed and (name not in self._tasks or self._tasks[name].done()):
            self._tasks[name] = asyncio.get_running_loop().create_task(work(), context=Context())

    async def _tell(self) -> None:
        """NOTIFY the other processes of what is announced."""
        connection: Any = None
        tries = 0
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                try:
                    if connection is None or connection.is_closed():
                        connection = await self._connect()
                        self._speaker = connection.get_server_pid()
                    await self._notify(connection)
                except self._errors:
                    self._news.set()
                    await _pause(tries)
                    tries += 1
                else:
                    tries = 0
                    await asyncio.sleep(_TOGETHER)
        finally:
            if connection is not None:
                connection.terminate()

    async def _notify(self, connection: Any) -> None:
        channels, self._untold = self._untold, set()
        try:
            await connection.execute("SELECT pg_notify($1, c) FROM unnest($2::text[]) c", _CHANNEL, list(channels))
        except BaseException:
            self._untold |= channels
            raise

    async def _told(self) -> None:
        while self._untold:
            await asyncio.sleep(_TOGETHER)

    async def _listen(self) -> None:
        """Hear the other processes. Whenever that begins, all are woken: something may have been said before."""
        tries = 0
        while True:
            connection: Any = None
            try:
                connection = await self._connect()
                lost = asyncio.Event()
                connection.add_termination_listener(lambda _connection, lost=lost: lost.set())
                await connection.add_listener(_CHANNEL, self._heard)
                tries = 0
                self._wake_all()
                await lost.wait()
            except self._errors:
                pass
            finally:
                if connection is not None:
                    connection.terminate()
            await _pause(tries)
            tries += 1

    def _heard(self, _connection: Any, speaker: int, _channel: str, channel: str) -> None:
        """What this process told itself has woken its waiters already."""
        if speaker != self._speaker:
            self._wake(channel)


async def _pause(tries: int) -> None:
    await asyncio.sleep(_PAUSES[min(tries, len(_PAUSES) - 1)])
