"""What plugins hold while the app is open: entered when it opens, left in reverse when it closes.

Each lifespan lives in a task of its own, so that it is left where it was entered, and one that breaks takes nothing
with it. A plugin whose lifespan is not open is DEGRADED, and it is tried again after a pause by the app's clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import Context
from datetime import datetime, timedelta
from typing import Any, Final

from crmcore.plugins.calls import Call, begin, end
from crmcore.plugins.host import Host
from crmcore.plugins.problems import NotReady, Problem

HOOK: Final = "crm_lifespan"
BUDGET: Final = 10.0
_FIRST_PAUSE: Final = 30.0
_LONGEST_PAUSE: Final = 600.0

Enter = Callable[[], AbstractAsyncContextManager[Any] | AsyncGenerator[Any, None]]


class Lifespan:
    """That of one plugin. `needs` are the plugins whose lifespans are entered before."""

    budget = BUDGET

    def __init__(self, host: Host, plugin: str, enter: Enter, needs: Collection[str]) -> None:
        self._host = host
        self.plugin = plugin
        self.needs = needs
        self.tried = asyncio.Event()
        self.problem = "It has not begun."
        self.again_at: datetime | None = None
        self._enter = enter
        self._pause = _FIRST_PAUSE
        self._call: Call | None = None
        self._task: asyncio.Task[None] | None = None
        self._entered = False
        self._leave = asyncio.Event()

    @property
    def is_open(self) -> bool:
        return not self.problem

    async def start(self) -> None:
        """Enter it, or note why that did not work and when it is tried again."""
        self.again_at = None
        self._entered, self._leave = False, asyncio.Event()
        self._call = Call(self.plugin, HOOK)
        try:
            await self._host.call(self.plugin, HOOK, self._begin, budget=self.budget)
        except NotReady as error:
            self._failed(error.message, error.retry_after)
        except Exception as error:  # noqa: BLE001  it is counted and logged by the host; the app goes on
            self._failed(_why(error), self._pause)
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        else:
            self.problem, self._pause = "", _FIRST_PAUSE
        finally:
            self.tried.set()

    async def stop(self) -> None:
        """Leave it; what that does not end is ended."""
        task, self._task = self._task, None
        self.problem = "It has ended."
        if task is None or self._call is None:
            return
        try:
            await self._host.call(self.plugin, HOOK, lambda: self._left(task), budget=self.budget)
        except Exception:  # noqa: BLE001  it is counted and logged by the host; the others are left all the same
            await end(task)
        await self._host.leftovers.end(self._call)

    async def _begin(self) -> None:
        assert self._call is not None
        settled = asyncio.Event()
        task = begin(self._call, self._live(settled), Context())
        task.add_done_callback(lambda _: settled.set())
        try:
            await settled.wait()
        finally:
            if not self._entered:
                await end(task)
        if not self._entered:
            await task
            raise RuntimeError("it never yields")
        self._task = task
        task.add_done_callback(self._ended)

    async def _left(self, task: asyncio.Task[None]) -> None:
        self._leave.set()
        await asyncio.shield(task)

    async def _live(self, settled: asyncio.Event) -> None:
        async with _managed(self._enter()):
            self._entered = True
            settled.set()
            await self._leave.wait()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """It is over, though nobody has asked."""
        if task is not self._task:
            return
        self._task = None
        error = asyncio.CancelledError("cancelled") if task.cancelled() else task.exception()
        self._host.fault(self.plugin, HOOK, error or RuntimeError("it ended by itself"))
        self._failed(_why(error or RuntimeError("it ended by itself")), self._pause)

    def _failed(self, why: str, pause: float) -> None:
        self.problem = why
        self.again_at = self._host.clock() + timedelta(seconds=max(1.0, pause))


class Lifespans:
    """Those of all plugins of an app, in the order in which they load."""

    def __init__(self, lifespans: Sequence[Lifespan]) -> None:
        self._all: Mapping[str, Lifespan] = {one.plugin: one for one in lifespans}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """All are entered, as far as they can be, while the block runs: at once, but for those that need another."""
        await asyncio.gather(*(self._start(one) for one in self._all.values()))
        try:
            yield
        finally:
            for one in reversed(list(self._all.values())):
                await one.stop()

    async def retry(self, now: datetime) -> None:
        """Try those again whose time has come."""
        due = [one for one in self._all.values() if one.again_at is not None and one.again_at <= now]
        await asyncio.gather(*(one.start() for one in due))

    def is_open(self, plugin: str) -> bool:
        """Whether the plugin holds what it wants to hold; also if that is nothing."""
        return plugin not in self._all or self._all[plugin].is_open

    def problem(self, plugin: str) -> Problem | None:
        """Why it does not."""
        one = self._all.get(plugin)
        if one is None or one.is_open:
            return None
        again = f" It is tried again at {one.again_at:%H:%M:%S} UTC." if one.again_at else ""
        return Problem("lifespan", f"It cannot begin: {one.problem}.{again}", "ERROR")

    async def _start(self, one: Lifespan) -> None:
        for other in one.needs:
            if other in self._all:
                await self._all[other].tried.wait()
        await one.start()


def _managed(made: AbstractAsyncContextManager[Any] | AsyncGenerator[Any, None]) -> AbstractAsyncContextManager[Any]:
    """A generator without its decorator is meant to have it."""
    if not isinstance(made, AsyncGenerator):
        return made
    generator = made
    return asynccontextmanager(lambda: generator)()


def _why(error: BaseException) -> str:
    cause = error.__cause__ or error
    return f"{type(cause).__name__}: {' '.join(str(cause).split())}"[:300].rstrip(".")


__all__ = ["Lifespan", "Lifespans"]
