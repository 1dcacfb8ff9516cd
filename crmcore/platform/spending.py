"""What time the plugins take of a request that asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any


class Spent:
    """The calls of plugins in one request: how many of each hook, and their milliseconds."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], list[float]] = {}

    def add(self, plugin: str, hook: str, milliseconds: float) -> None:
        entry = self._of.setdefault((plugin, hook), [0, 0.0])
        entry[0] += 1
        entry[1] += milliseconds

    def said(self) -> list[dict[str, Any]]:
        """As an answer's `extensions.plugins` has it, in the order of the first calls."""
        return [
            {"plugin": plugin, "hook": hook, "calls": int(calls), "milliseconds": round(milliseconds, 3)}
            for (plugin, hook), (calls, milliseconds) in self._of.items()
        ]


_spent: ContextVar[Spent | None] = ContextVar("crmcore_plugin_times", default=None)


@contextmanager
def spending() -> Iterator[Spent]:
    """Collects what plugins' calls take in the block, in this task and its children."""
    found = Spent()
    token = _spent.set(found)
    try:
        yield found
    finally:
        _spent.reset(token)


def spend(plugin: str, hook: str, milliseconds: float) -> None:
    """A plugin's call is over: it counts where the request under way asks for that."""
    found = _spent.get()
    if found is not None:
        found.add(plugin, hook, milliseconds)


__all__ = ["Spent", "spend", "spending"]
