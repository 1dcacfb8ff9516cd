"""What the door needs of an app."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from crmcore.platform.access import Policy
from crmcore.platform.context import Context
from crmcore.platform.database import Database
from crmcore.platform.metadata import App
from crmcore.plugins.pages import Pages
from crmcore.schema.running import Runner
from crmcore.settings import Settings


class Served(Protocol):
    """An app with its database open."""

    settings: Settings
    db: Database
    apps: Sequence[App]
    runner: Runner
    pages: Pages

    def context(self, policy: Policy, cause: UUID) -> Context: ...

    def sdl(self) -> str: ...

    def unwell(self) -> Mapping[str, str]: ...
