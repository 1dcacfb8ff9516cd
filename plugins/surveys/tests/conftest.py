"""The fixtures of the core's tests, with the surveys plugin installed beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from crmcore.migrations import CORE
from crmcore.platform.metadata import App
from crmcore.plugins import Plugins
from crmcore.settings import Settings
from tests.conftest import pytest_configure, pytest_unconfigure
from tests.databases import Databases, databases, db, dialect, tenant
from tests.plugins.served import Client, served

__all__ = ["databases", "db", "dialect", "pytest_configure", "pytest_unconfigure", "tenant"]


@pytest.fixture
def plugins() -> Plugins:
    """The installed plugins, surveys alone: whatever else is installed stays off."""
    return Plugins.discover(Settings(plugins_allow=["surveys"]))


@pytest.fixture
def apps(plugins: Plugins) -> list[App]:
    """The core and what the plugins store."""
    return [CORE, *(share.app for share in plugins.contributions() if share.app is not None)]


@pytest.fixture
def database_url(databases: Databases, apps: list[App]) -> Iterator[str]:
    """A migrated database of the core and the plugin, with the default tenant."""
    url = databases.migrated(apps)
    yield url
    databases.drop(url)


@pytest.fixture
async def client(database_url: str, plugins: Plugins) -> AsyncIterator[Client]:
    """An app with surveys, and a caller of its default tenant."""
    async with served(database_url, plugins) as found:
        yield found
