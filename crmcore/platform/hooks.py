"""The seam to plugins that check changes, for the rooms below them.

A context has these, so this file knows neither contexts nor records (`Any`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from crmcore.errors import PluginFailed


class HookFault(PluginFailed):
    """A plugin's code failed where it was called: it raised, it was too slow, or it is not called for a while
    (`resting`) because it failed again and again. `runaway` says that it goes on although it was cancelled."""

    def __init__(self, plugin: str, place: str, why: str = "", *, resting: bool = False, runaway: bool = False) -> None:
        super().__init__(plugin, place, why)
        self.resting = resting
        self.runaway = runaway


class ChangeHooks(Protocol):
    """The plugins that check changes in their transaction. A context has them only where there are any."""

    def concerned(self, model: type[Any]) -> bool:
        """Whether any plugin checks changes of these records."""
        ...

    async def validate(self, ctx: Any, tx: Any, drafts: Sequence[Any]) -> None:
        """Let the plugins look at drafts before they are written; what they say against one is said of the draft."""

    async def before_commit(self, ctx: Any, tx: Any, drafts: Sequence[Any]) -> Sequence[tuple[Any, Any]]:
        """Let the plugins look at drafts that are written; what they say against them, or against all (None)."""
        ...


__all__ = ["ChangeHooks", "HookFault"]
