"""Calls into plugins from where a failure is not an answer but the beginning of another attempt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from crmcore.platform.hooks import HookFault
from crmcore.plugins.backing import Backing

T = TypeVar("T")


class Rests(Exception):
    """The plugin is not called for a while: it failed too often."""


class Stopped(Exception):
    """The plugin failed; the text is why, for operators: clients are told nothing of it."""


async def called_through(
    backing: Backing,
    plugin: str,
    hook: str,
    seconds: float,
    work: Callable[[], Awaitable[T]],
    *meant: type[Exception],
) -> T:
    """What `work` answers. Exceptions of the types in `meant` say something and are no fault: they come through as they
    are. Otherwise Rests or Stopped, and refusals."""
    said: list[Exception] = []

    async def listened() -> T | None:
        try:
            return await work()
        except meant as one:
            said.append(one)
            return None

    try:
        answer = await backing.call(plugin, hook, seconds, listened)
    except HookFault as fault:
        if fault.resting:
            raise Rests(fault.message) from fault
        cause = fault.__cause__
        raise Stopped(fault.message if cause is None else f"{type(cause).__name__}: {cause}") from fault
    if said:
        raise said[0]
    return answer  # type: ignore[return-value]  # None only where something was said
