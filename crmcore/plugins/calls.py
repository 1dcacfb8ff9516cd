"""Whose code runs: a call of a plugin, the tasks that it starts, and what is left of them when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")
GRACE: Final = 1.0
"""How long what was cancelled may take to end (seconds)."""
_CORE: Final = str(Path(__file__).parents[1])


@dataclass(slots=True, eq=False)
class Call:
    """One call of a plugin's code. `children` are the tasks started in it that nobody else answers for, each with where
    its code stands; `blocked` is how long (ms) it was found to hold up the loop, `ended` when it was over (loop time),
    `swept` whether what it left behind was told of.
    """

    plugin: str
    hook: str
    blocked: float = 0.0
    ended: float = 0.0
    swept: bool = False
    children: WeakKeyDictionary[asyncio.Task[Any], str] = field(default_factory=WeakKeyDictionary)

    def left(self) -> dict[asyncio.Task[Any], str]:
        """What still runs of it."""
        return {task: where for task, where in self.children.items() if not task.done()}


current: ContextVar[Call | None] = ContextVar("crmcore_plugin_call", default=None)
_of_task: WeakKeyDictionary[asyncio.Task[Any], Call] = WeakKeyDictionary()


class Ended(Exception):
    """A plugin's task asked the whole process to end."""


def call_of(task: asyncio.Task[Any] | None) -> Call | None:
    """The call in which a task was started."""
    return None if task is None else _of_task.get(task)


def context_of(call: Call, base: Context | None = None) -> Context:
    """A context in which everything is this call's; else as it is here, or in `base`."""
    made = copy_context() if base is None else base.copy()
    made.run(current.set, call)
    return made


def begin(call: Call, work: Coroutine[Any, Any, T], base: Context | None = None) -> asyncio.Task[T]:
    """Start a task that is the call itself."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(_contained(work), name=f"plugin {call.plugin}: {call.hook}", context=context_of(call, base))
    _of_task[task] = call
    return task


def in_background(work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """Start a task of the app's own, which inherits nothing of who starts it."""
    return asyncio.get_running_loop().create_task(work, name=name, context=Context())


async def end(task: asyncio.Task[Any]) -> bool:
    """Cancel a task and wait a moment for its end; whether it came. Our own cancellation waits for that too."""
    task.cancel()
    cancelled = False
    left = GRACE
    while not task.done() and left > 0:
        began = perf_counter()
        try:
            await asyncio.wait((task,), timeout=left)
        except asyncio.CancelledError:
            cancelled = True
        left -= perf_counter() - began
    if task.done() and not task.cancelled():
        task.exception()  # looked at, so that asyncio does not report it as lost
    if cancelled:
        raise asyncio.CancelledError
    return task.done()


async def _contained(work: Awaitable[T]) -> T:
    """Asyncio lets SystemExit through and ends the loop with it: from a plugin it is an error like any other."""
    try:
        return await work
    except SystemExit as error:
        raise Ended(f"SystemExit({error.code!r})") from error


class _Factory:
    """The loop's task factory while plugins are loaded: notes tasks that are started in a call."""

    def __init__(self, before: Callable[..., Any] | None) -> None:
        self.before = before
        self.users = 0

    def __call__(self, loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Future[Any]:
        call = current.get()
        where = "" if call is None else _where(work)
        if where and asyncio.iscoroutine(work):
            work = _contained(work)
        task: asyncio.Task[Any]
        task = asyncio.Task(work, loop=loop, **options) if self.before is None else self.before(loop, work, **options)
        if call is not None:
            _of_task[task] = call
            if where:
                call.children[task] = where
        return task


def _where(work: Any) -> str:
    """Where a coroutine's code stands; empty for what is the core's own."""
    code = getattr(work, "cr_code", None) or getattr(work, "gi_code", None)
    if code is None:
        return str(getattr(work, "__qualname__", work))
    if code.co_filename.startswith(_CORE):
        return ""
    return f"{code.co_qualname} ({Path(code.co_filename).name}:{code.co_firstlineno})"


@contextmanager
def noting_tasks() -> Iterator[None]:
    """Tasks that are started in a plugin's call are known as such while the block runs; several apps may share it."""
    loop = asyncio.get_running_loop()
    known = loop.get_task_factory()
    factory = known if isinstance(known, _Factory) else _Factory(known)
    if factory is not known:
        loop.set_task_factory(factory)
    factory.users += 1
    try:
        yield
    finally:
        factory.users -= 1
        if not factory.users and loop.get_task_factory() is factory:
            loop.set_task_factory(factory.before)


__all__ = [
    "GRACE", "Call", "Ended", "begin", "call_of", "context_of", "current", "end", "in_background", "noting_tasks",
]  # fmt: skip
