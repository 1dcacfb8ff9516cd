"""An async generator that is waited for in pieces, so that something else can be looked at in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any


class Steps:
    """The values that `following` answers, one after the other. It is cancelled when the block is left."""

    def __init__(self, following: Callable[[], Awaitable[Any]]) -> None:
        self._following = following
        self._task: asyncio.Task[Any] | None = None

    async def __aenter__(self) -> Steps:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self._task

    async def wait(self, seconds: float) -> bool:
        """Whether the next value is there within this time."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._following())
        await asyncio.wait([self._task], timeout=seconds)
        return self._task.done()

    def taken(self) -> Any:
        """That value, or what was raised instead of it."""
        assert self._task is not None
        task, self._task = self._task, None
        return task.result()
