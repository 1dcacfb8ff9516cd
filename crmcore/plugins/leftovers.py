"""Tasks that a plugin started in a call and left running when it was over: they are ended, and the plugin is named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from crmcore.plugins.calls import Call

PATIENCE: Final = 1.0
"""So long what a call has started may outlive it (seconds): a connection closes, a reply is put away."""


class Leftovers:
    """The calls that are over and of which something still runs. `told` is told once of each, with where the code of
    what was left behind stands."""

    def __init__(self, told: Callable[[Call, Sequence[str]], None], patience: float = PATIENCE) -> None:
        self.patience = patience
        self._told = told
        self._calls: list[Call] = []

    def note(self, call: Call) -> None:
        """The call is over."""
        call.ended = asyncio.get_running_loop().time()
        if call.left():
            self._calls.append(call)

    def sweep(self, *, all_: bool = False) -> None:
        """End what has outlived its call for too long; with `all_`, whatever is left."""
        now = asyncio.get_running_loop().time()
        due = [call for call in self._calls if all_ or now - call.ended >= self.patience]
        for call in due:
            self._end(call)
        self._calls = [call for call in self._calls if call.left()]

    async def end(self, call: Call) -> None:
        """End what is left of a call that nobody needs any more, and wait a moment for it."""
        await asyncio.sleep(0)  # what was just cancelled is not left behind
        if call.left():
            tasks = self._end(call)
            await asyncio.wait(tasks, timeout=self.patience)

    async def close(self) -> None:
        """The app ends: nothing is left."""
        tasks = [task for call in self._calls for task in call.left()]
        self.sweep(all_=True)
        if tasks:
            await asyncio.wait(tasks, timeout=self.patience)

    def _end(self, call: Call) -> list[asyncio.Task[object]]:
        left = call.left()
        for task in left:
            task.cancel()
        if left and not call.swept:
            call.swept = True
            self._told(call, list(left.values()))
        return list(left)


__all__ = ["PATIENCE", "Leftovers"]
