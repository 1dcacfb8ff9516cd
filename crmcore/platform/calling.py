"""The one place where a function of a plugin that the graph names is called: a batch field, a command, a root field.

Whatever it raises that nobody meant to say becomes PluginFailed, which names the plugin; refusals and the database's
own troubles go through as they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from crmcore.errors import CrmError, PluginFailed
from crmcore.platform.context import Context
from crmcore.platform.driver import Retryable, StatementTimeout, StorageFull, Unavailable

T = TypeVar("T")

NOBODYS: Final = (CrmError, Retryable, StatementTimeout, StorageFull, Unavailable)
"""What is raised on purpose, and the database's own troubles: no plugin's fault."""


class Guard(Protocol):
    """What stands round the calls of plugins: it counts, takes the time, and sets a limit to it."""

    async def __call__(self, plugin: str, place: str, call: Callable[[], Awaitable[T]], /) -> T:
        """What `call` answers. TimeoutError, or what it raises."""
        ...


async def called(ctx: Context, plugin: str, place: str, call: Callable[[], Awaitable[T]], *, guarded: bool = True) -> T:
    """What a function answers. `place` is the field that is answered, `Query.emailTemplatePreview`; a function of the
    core's (`plugin` empty) is called as it is. What may wait for long is not `guarded`."""
    if not plugin:
        return await call()
    try:
        return await (call() if ctx.guard is None or not guarded else ctx.guard(plugin, place, call))
    except NOBODYS:
        raise
    except Exception as error:  # whatever a plugin's function raises is that plugin's fault, and told as such
        task = asyncio.current_task()
        if isinstance(error, TimeoutError) and task is not None and task.cancelling():
            raise  # the whole request's time is over
        raise PluginFailed(plugin, place) from error
