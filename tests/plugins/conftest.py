"""An app with the plugin of loyalty_folder, which has a table, computed fields, inputs and filters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from crmcore.migrations import CORE
from crmcore.plugins import Plugins
from crmcore.settings import Settings
from tests.databases import Databases
from tests.plugins.served import Client, served

FOLDER = Path(__file__).parent / "loyalty_folder"


@pytest.fixture
def loyalty() -> Plugins:
    """The folder's plugin, as the settings would load it, whatever is installed."""
    return Plugins.discover(Settings(plugin_paths=[FOLDER], plugins_allow=["loyalty"]))


@pytest.fixture
def loyalty_url(databases: Databases, loyalty: Plugins) -> Iterator[str]:
    url = databases.migrated([CORE, *(s.app for s in loyalty.contributions() if s.app is not None)])
    yield url
    databases.drop(url)


@pytest.fixture
async def loyal(loyalty_url: str, loyalty: Plugins) -> AsyncIterator[Client]:
    async with served(loyalty_url, loyalty) as found:
        yield found
