"""A whole app for tests: `TestCrm`, with a database of its own, a token, a client and a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from starlette.applications import Starlette

from crmcore.app import Composition, Crm, create_app
from crmcore.kit import times
from crmcore.kit.ids import new_id
from crmcore.platform.identity import create_token, find_tenant
from crmcore.platform.jobs.cron import plan
from crmcore.plugins import Crm as PluginCrm
from crmcore.plugins import signed
from crmcore.plugins.crm import crm_in
from crmcore.schema.contributed import contributed
from crmcore.settings import Settings
from crmcore.testing.adding import Contributed, contributed_by
from crmcore.testing.calling import Caller
from crmcore.testing.composing import Chosen, chosen, composed, core_sdl
from crmcore.testing.databases import Databases
from crmcore.testing.happening import happen
from crmcore.testing.outbound import MockedHost


class Clock:
    """What an app under test takes for the present: as told, and what the test has advanced."""

    def __init__(self, reads: Callable[[], datetime] = times.now) -> None:
        self._reads = reads
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return self._reads() + self._ahead

    def advance(self, by: timedelta) -> None:
        self._ahead += by


class TestCrm(Caller):
    """An app that runs, and its default tenant's caller."""

    __test__ = False

    def __init__(self, app: Starlette, core: Crm, http: httpx.AsyncClient, tenant: UUID, token: str) -> None:
        super().__init__(core, http, tenant, token)
        self.app = app

    async def run_jobs(self) -> int:
        """Run all jobs that are due now, and what follows from them; how many."""
        return await self.core.run_jobs()

    async def run_events(self) -> int:
        """Tell plugins all that has happened since, and what follows from it; how many events."""
        core: Any = self.core
        told: int = await core.run_events()
        return told

    async def emit(
        self, type: str, /, *, id: str | UUID | None = None, before: Mapping[str, Any] | None = None, **after: Any
    ) -> None:
        """Tell plugins of an event as if it had happened: `emit("case.resolved", id=case, subject="Broken")`.

        The keywords are columns as they are after it. Nothing else changes, and what waits is told before it.
        """
        await happen(self.core, self.tenant, type, id=id, before=before, after=after or None)
        await self.run_events()

    @contextmanager
    def fault(
        self, plugin: str, *, hook: str = "", error: type[Exception] | Exception = RuntimeError
    ) -> Iterator[list[str]]:
        """Have a plugin fail in a hook, or in all of them, while the block lasts; the hooks in which it did."""
        host: Any = self.core.host
        failed, whole = list[str](), host.call

        async def call(of: str, name: str, function: Callable[..., Any], *given: Any, **named: Any) -> Any:
            async def fails(*_given: Any, **_named: Any) -> None:
                raise error

            if of == plugin and (not hook or name == hook or name.startswith(f"{hook} ")):
                failed.append(name)
                return await whole(of, name, fails, *given, **named)
            return await whole(of, name, function, *given, **named)

        host.call = call
        try:
            yield failed
        finally:
            host.call = whole

    def advance(self, **by: float) -> None:
        """Let time pass for the app: `advance(hours=3)`. What is due then runs when it is asked to: `run_jobs()`."""
        clock = self.core.clock
        assert isinstance(clock, Clock)
        clock.advance(timedelta(**by))

    def plugin(self, id: str) -> PluginCrm:
        """What the plugin itself is given, acting by itself in the default tenant."""
        return crm_in(self.core.backing, id, self.tenant)

    def mock_outbound(self, host: str) -> MockedHost:
        """Answer for a host of the world outside: `crm.mock_outbound("api.example.com").respond(json={"ok": True})`."""
        mocked = MockedHost(host)
        self.core.backing.mocked[host] = mocked
        return mocked

    def sign(self, body: bytes, secret: str, *, id: str = "") -> dict[str, str]:
        """The headers with which a webhook of this body arrives, signed as Standard Webhooks want it."""
        return signed(body, secret, id=id or f"msg_{new_id()}", at=self.core.clock())

    def contributed(self, plugin: str) -> Contributed:
        """The names of what a plugin adds to the graph: types, root fields, and fields on types of others."""
        return contributed_by(plugin, self.core.sdl())

    def sdl_diff(self) -> str:
        """What the plugins add to the core's graph, printed."""
        return contributed(core_sdl(), self.core.sdl())

    @contextmanager
    def sql_budget(self, most: int) -> Iterator[list[str]]:
        """Fail, and list them, if the block runs more statements than this. Those that are sent together are one."""
        with self.core.db.counting() as statements:
            yield statements
        listed = "\n".join(f"{number:3}  {text}" for number, text in enumerate(statements, 1))
        assert len(statements) <= most, f"{len(statements)} statements, at most {most}:\n{listed}"


@asynccontextmanager
async def running(app: Starlette) -> AsyncIterator[Starlette]:
    """The app between the beginning and the end of its lifespan, both in one task as when it is served."""
    begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    over = asyncio.Event()

    async def live() -> None:
        try:
            async with app.router.lifespan_context(app):
                begun.set_result(None)
                await over.wait()
        except BaseException as error:
            if not begun.done():
                begun.set_exception(error)
                return
            raise

    task = asyncio.create_task(live())
    try:
        await begun
        yield app
    finally:
        over.set()
        await task


@asynccontextmanager
async def opened(settings: Settings, parts: Composition, clock: Callable[[], datetime]) -> AsyncIterator[TestCrm]:
    """An app on a migrated database, and a caller with a token of its default tenant."""
    async with running(create_app(settings, parts=parts, clock=clock)) as app:
        core: Crm = app.state.crm
        tenant = await find_tenant(core.db)
        assert tenant is not None
        async with core.db.transaction() as tx:
            token = (await create_token(tx, tenant, "test")).text
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        headers = {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://crm.test", headers=headers) as http:
            yield TestCrm(app, core, http, tenant, token)


class Factory:
    """The fixture `crm_factory`."""

    def __init__(self, databases: Databases, place: Path, named: Sequence[str] = ()) -> None:
        self._databases = databases
        self._place = place
        self._named = tuple(named)
        self._closing = AsyncExitStack()

    async def __call__(
        self,
        *plugins: str,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        paths: Collection[Path | str] = (),
        clock: Callable[[], datetime] = times.now,
        strict: bool = True,
        **options: Any,
    ) -> TestCrm:
        """An app with these plugins and what they require, on a fresh, migrated database.

        plugins   ids; none: those of pytest's option crm_plugins, else the one whose project holds the test
        settings  what the plugins are set to, by id
        paths     folders with plugins, or projects, beside what is installed and what lies beside the test's project
        clock     what the app takes for the present
        strict    a plugin that does not load fails the test; False: it is listed, and the app goes on
        options   settings of crmcore itself
        """
        which = chosen(plugins or self._named, [Path(path) for path in paths], self._place)
        parts = await composed(which, strict=strict)
        url = self._databases.migrated(parts.apps)
        self._closing.callback(self._databases.drop, url)
        known = _settings(url, which, settings or {}, options)
        crm = await self._closing.enter_async_context(opened(known, parts, Clock(clock)))
        await plan(crm.core.db, crm.core.jobs, crm.core.clock())  # the first thing a worker does
        return crm

    async def close(self) -> None:
        """Close every app that was opened, the last one first."""
        await self._closing.aclose()


def _settings(
    url: str, which: Chosen, plugins: Mapping[str, Mapping[str, Any]], options: Mapping[str, Any]
) -> Settings:
    """What an app under test is set to: its worker waits until the test says `run_jobs`."""
    given: dict[str, Any] = {"database_url": url, "database_connections": 5, "worker": False}
    given |= {"plugins_allow": list(which.ids), "plugin_paths": list(which.paths)}
    return Settings(**(given | ({"plugins": plugins} if plugins else {}) | dict(options)))
