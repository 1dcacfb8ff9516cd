"""Work that goes on beside requests: supervised, named, and over when the app is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from functools import partial
from typing import Any, Final, TypeVar

T = TypeVar("T")
Work = Coroutine[Any, Any, T]
Fault = Callable[[Exception], None]

_THREADS: Final = 8
_PATIENCE: Final = 5.0


class Background:
    """The tasks and threads of others that one app looks after. What a task raises is logged, and told to `fault`."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._threads: dict[str, ThreadPoolExecutor] = {}
        self._closed = False

    def spawn(self, owner: str, work: Work[Any], fault: Fault) -> asyncio.Task[Any]:
        """Begin a task. It inherits nothing of who begins it: no transaction, no deadline."""
        if self._closed:
            work.close()
            raise RuntimeError("The app is closing: nothing is begun any more.")
        name = f"plugin {owner}: {getattr(work, '__qualname__', 'task')}"
        supervised = self._supervised(owner, work, fault)
        task = asyncio.get_running_loop().create_task(supervised, name=name, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _supervised(self, owner: str, work: Work[T], fault: Fault) -> T | None:
        try:
            return await work
        except (Exception, SystemExit) as error:  # whatever it is, it is the plugin's, and the app goes on
            logging.getLogger(f"crmcore.plugins.{owner}").exception("a task of plugin %s failed", owner)
            fault(error if isinstance(error, Exception) else RuntimeError(repr(error)))
            return None

    async def in_thread(self, owner: str, function: Callable[..., T], *args: Any, **named: Any) -> T:
        """Run what would block the loop in a thread. Each owner has some of its own: who fills them waits alone."""
        pool = self._threads.get(owner)
        if pool is None:
            pool = self._threads[owner] = ThreadPoolExecutor(_THREADS, thread_name_prefix=f"plugin-{owner}")
        return await asyncio.get_running_loop().run_in_executor(pool, partial(function, *args, **named))

    def tasks(self, owner: str) -> list[asyncio.Task[Any]]:
        """What this owner began and is not over."""
        return [task for task in self._tasks if task.get_name().startswith(f"plugin {owner}: ")]

    async def close(self) -> None:
        """Cancel what goes on; what does not end soon is left behind."""
        self._closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_PATIENCE)
        for pool in self._threads.values():
            pool.shutdown(wait=False, cancel_futures=True)
