"""What may become of a plugin, and how it is said."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crmcore.errors import ConfigError
from crmcore.plugins.manifest import Permission


class PluginState(StrEnum):
    """What became of a plugin. NEEDS_SETTINGS is for one tenant; DEGRADED may pass by itself."""

    LOADED = "LOADED"
    DEGRADED = "DEGRADED"
    DISABLED = "DISABLED"
    FAILED = "FAILED"
    INCOMPATIBLE = "INCOMPATIBLE"
    NEEDS_MIGRATION = "NEEDS_MIGRATION"
    NEEDS_SETTINGS = "NEEDS_SETTINGS"


BAD: Final = (PluginState.FAILED, PluginState.INCOMPATIBLE, PluginState.NEEDS_MIGRATION)
WORDS: Final = {
    PluginState.FAILED: "failed",
    PluginState.INCOMPATIBLE: "is incompatible",
    PluginState.NEEDS_MIGRATION: "needs migration",
    PluginState.DISABLED: "is disabled",
}


@dataclass(frozen=True, slots=True)
class Listed:
    """One plugin as the graph and the command line list it; `problems` say why it is not loaded."""

    id: str
    title: str
    description: str
    version: str
    state: PluginState
    source: str
    problems: tuple[str, ...] = ()
    permissions: tuple[Permission, ...] = ()


class PluginFault(Exception):
    """Why a plugin is not loaded; the text is for whoever installed it."""

    def __init__(self, *problems: str, state: PluginState = PluginState.FAILED) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems
        self.state = state


class PluginsFailed(ConfigError):
    """Plugins do not load, and the settings say that then nothing shall start."""
