"""What pytest loads wherever crmcore is installed: fixtures, which import the rest of the kit when they are used."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest

from crmcore.testing.run import begin_run, ended_run, forget_run

if TYPE_CHECKING:
    from crmcore.testing.crm import Factory, TestCrm
    from crmcore.testing.databases import Databases

T = TypeVar("T")
_BEGUN = pytest.StashKey[bool]()


def async_fixture(function: T) -> T:
    """A fixture that awaits. Without pytest-asyncio no test can: it says so when it is asked for."""
    try:
        import pytest_asyncio
    except ImportError:

        @pytest.fixture(name=getattr(function, "__name__", ""))
        def missing() -> None:
            raise pytest.UsageError('crmcore.testing needs pytest-asyncio: pip install "crmcore[testing]"')

        return cast("T", missing)
    return cast("T", pytest_asyncio.fixture(cast("Any", function)))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which plugins the fixture `crm` opens."""
    parser.addini("crm_plugins", "plugins of the fixture crm; left out: the one whose project holds the test", "args")


def pytest_configure(config: pytest.Config) -> None:
    """Whoever begins the run names its folder."""
    config.stash[_BEGUN] = begin_run()


def pytest_unconfigure(config: pytest.Config) -> None:
    """What the run has started stops, and its files go."""
    if config.stash.get(_BEGUN, False):
        run = ended_run()
        if (run / "pg").is_dir():
            from crmcore.testing.databases import stop_server

            stop_server(run)
        forget_run(run)


@pytest.fixture(params=["sqlite", "postgres"])
def dialect(request: pytest.FixtureRequest) -> str:
    """Every test that uses a database runs once on each engine."""
    return str(request.param)


@pytest.fixture
def databases(dialect: str) -> Databases:
    """A maker of databases, for tests that need several or empty ones."""
    from crmcore.testing.databases import Databases

    return Databases(dialect)


@async_fixture
async def crm_factory(databases: Databases, request: pytest.FixtureRequest) -> AsyncIterator[Factory]:
    """Opens apps: `crm = await crm_factory("email", settings={"email": {...}})`. They close with the test."""
    from crmcore.testing.crm import Factory

    factory = Factory(databases, request.path, request.config.getini("crm_plugins"))
    try:
        yield factory
    finally:
        await factory.close()


@async_fixture
async def crm(crm_factory: Factory) -> TestCrm:
    """An app with the plugin under test, on a fresh database."""
    return await crm_factory()
