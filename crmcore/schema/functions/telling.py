"""Subscriptions that a function tells: its values one by one, with the caller's token looked at in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any, Final

from crmcore.platform.calling import called
from crmcore.platform.context import Context
from crmcore.schema.following import Batch, Live
from crmcore.schema.resolving import Run

_END: Final = object()

Source = Callable[[Context], AsyncIterator[Any]]


async def tell(
    run: Run, plugin: str, said: str, source: Source, make: Callable[[Any], Any]
) -> AsyncGenerator[Batch | None, None]:
    """What `source` yields, without an end of ours; None now and then while it is silent.

    The source's context is its own; what the caller may see in it is brought up to date at every look at the token.
    """
    assert run.live is not None
    own = replace(run.ctx)
    told: Any = source(own)
    async with aclosing(told) as values, _Steps(own, plugin, said, values) as steps:
        while True:
            done = await steps.wait(run.live.check_seconds)
            fresh = await _fresh(run.live, own)
            if not done:
                yield None
                continue
            value = steps.taken()
            if value is _END:
                return
            yield Batch(fresh, [make(value)])


async def _fresh(live: Live, own: Context) -> Context:
    """A context for what is told now; Unauthenticated ends the stream."""
    fresh = await live.session.context()
    own.policy = fresh.policy
    return fresh


class _Steps:
    """The next value of a source, waited for in pieces."""

    def __init__(self, ctx: Context, plugin: str, said: str, values: Any) -> None:
        async def following() -> Any:
            try:
                return await values.__anext__()
            except StopAsyncIteration:
                return _END

        self._next: Callable[[], Any] = lambda: called(ctx, plugin, said, following, guarded=False)
        self._task: asyncio.Task[Any] | None = None

    async def __aenter__(self) -> _Steps:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self._task

    async def wait(self, seconds: float) -> bool:
        """Whether the next value, or the end, is there within this time."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._next())
        await asyncio.wait([self._task], timeout=seconds)
        return self._task.done()

    def taken(self) -> Any:
        """That value, `_END` when there are no more."""
        assert self._task is not None
        task, self._task = self._task, None
        return task.result()
