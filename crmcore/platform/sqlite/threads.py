"""Threads that do a connection's work: a queue for each kind, the outcome comes back through the event loop.

That is about half the cost of an executor. A cancelled read is interrupted, so that its thread is free for the next
one; a job that writes runs to its end.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

from crmcore.platform.sqlite.errors import translated

T = TypeVar("T")


class _Job:
    __slots__ = ("future", "loop", "work")

    def __init__(self, work: Callable[[sqlite3.Connection], Any]) -> None:
        self.work = work
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()

    def resolve(self, result: Any, error: BaseException | None) -> None:
        """Hand the outcome to the waiting task; nobody is told if the loop has gone."""
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(_deliver, self.future, result, error)


def _deliver(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


class _Worker(threading.Thread):
    """A thread with its connection, which does the jobs of a queue until it meets None."""

    def __init__(self, queue: SimpleQueue[_Job | None], connection: sqlite3.Connection, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.queue = queue
        self.connection = connection
        self.current: _Job | None = None
        self._guard = threading.Lock()
        self.start()

    def run(self) -> None:
        while (job := self.queue.get()) is not None:
            if job.future.cancelled():
                continue
            with self._guard:
                self.current = job
            result, error = None, None
            try:
                result = job.work(self.connection)
            except sqlite3.Error as refused:
                error = translated(refused, self.connection)
            except BaseException as other:  # noqa: BLE001  the waiting task gets it
                error = other
            with self._guard:
                self.current = None
            job.resolve(result, error)
            job = result = error = None
        self.connection.close()

    def interrupt(self, job: _Job | None = None) -> None:
        """Stop the job that runs now, or only `job` if it is the one; never one that comes after it."""
        with self._guard:
            if self.current is not None and (job is None or self.current is job):
                self.connection.interrupt()


class Pool:
    """Workers on one queue: whichever is free takes the next job."""

    def __init__(self, connections: Sequence[sqlite3.Connection], name: str) -> None:
        self.queue: SimpleQueue[_Job | None] = SimpleQueue()
        self.workers = [_Worker(self.queue, c, f"{name}-{n}") for n, c in enumerate(connections)]

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of a reading job; the job is interrupted when the caller is cancelled."""
        job = _Job(work)
        self.queue.put(job)
        try:
            found: T = await job.future
            return found
        except asyncio.CancelledError:
            for worker in self.workers:
                worker.interrupt(job)
            raise

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of a job that runs to its end once it has begun, whoever waits for it."""
        job = _Job(work)
        self.queue.put(job)
        found: T = await job.future
        return found

    async def close(self) -> None:
        for worker in self.workers:
            worker.interrupt()
            self.queue.put(None)
        loop = asyncio.get_running_loop()
        for worker in self.workers:
            await loop.run_in_executor(None, worker.join)
