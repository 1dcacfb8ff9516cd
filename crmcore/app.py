"""The composition root: settings and plugins become an app. The only file that knows every room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.websockets import WebSocket

from crmcore.domain.care import touchpoints_by_clock
from crmcore.domain.files import prune_files
from crmcore.errors import ConfigError
from crmcore.http.routes import middleware, not_found, routes
from crmcore.importing import Keeping, import_jobs
from crmcore.kit import times
from crmcore.kit.ids import new_id
from crmcore.migrations import CORE
from crmcore.platform import webhooks
from crmcore.platform.access import Policy
from crmcore.platform.context import Context
from crmcore.platform.custom import KnownFields
from crmcore.platform.database import Database, connect
from crmcore.platform.events import EventTail
from crmcore.platform.idempotency import PRUNE_KEYS
from crmcore.platform.jobs import JobKind, Pace, Worker, prune_jobs
from crmcore.platform.listening import Listening, prune_plugin_events
from crmcore.platform.metadata import App, load_models
from crmcore.platform.migrate import pending
from crmcore.platform.secrets import signing_key
from crmcore.plugins import Plugins, lifecycle
from crmcore.plugins.backing import Backing
from crmcore.plugins.checking import unknown_checks
from crmcore.plugins.contribution import Contribution
from crmcore.plugins.host import Host
from crmcore.plugins.hosting import Hosting
from crmcore.plugins.listening import listeners
from crmcore.plugins.overview import Overview
from crmcore.plugins.pages import Pages
from crmcore.plugins.tenant_settings import TenantSettings
from crmcore.query import Limits as ReadLimits
from crmcore.query import PlanCache, ReadEngine, Registry
from crmcore.records import RecordGraph, graph_of
from crmcore.records.duplicates import propose_duplicates
from crmcore.schema.derive import CrmSchema, Share, derive
from crmcore.schema.documents import Documents
from crmcore.schema.exporting import Exporter, export_job
from crmcore.schema.limits import Limits
from crmcore.schema.persisted import read_manifest
from crmcore.schema.printing import core_share, print_schema
from crmcore.schema.running import Request as GraphQLRequest
from crmcore.schema.running import Runner
from crmcore.schema.webhook_author import GraphAuthor
from crmcore.settings import Settings, environment, load

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Composition:
    """What the declarations of the core and of the plugins amount to, before any database is open."""

    plugins: Plugins
    apps: Sequence[App]
    graph: RecordGraph
    schema: CrmSchema
    loaded: frozenset[str] = frozenset()
    """The ids of the plugins that are in it."""


class Misdeclared(TypeError):
    """The core's own declarations do not fit together; the text is for the developer who wrote them."""


async def compose(plugins: Plugins) -> Composition:
    """Put the core and the plugins together; a plugin that does not fit is left out and says so in its listing.

    Misdeclared when the core alone does not fit.
    """

    async def attempt(shares: Sequence[Contribution]) -> Composition:
        apps = [CORE, *(share.app for share in shares if share.app is not None)]
        models = await load_models(apps)
        schema = derive(
            [core_share(), *(Share(s.plugin, s.records, s.extensions, s.actions, s.functions) for s in shares)]
        )
        for share in shares:
            unknown_checks(share, schema.registry.records)
        graph = graph_of(models, schema.registry.append_only)
        return Composition(plugins, apps, graph, schema, frozenset(share.plugin for share in shares))

    try:
        return await plugins.admit(attempt)
    except (TypeError, ValueError) as error:
        raise Misdeclared(str(error)) from error


async def _fitting(db: Database, settings: Settings, plugins: Plugins | None, parts: Composition | None) -> Composition:
    """What fits the database: without the plugins that are switched off in it, or whose tables are not up to date.

    ConfigError if the core's are not.
    """
    if waiting := await pending(db, [CORE]):
        names = ", ".join(map(str, waiting))
        raise ConfigError(f"The database is not up to date: {names} wait. Run crmcore migrate.")
    if parts is not None:
        plugins = parts.plugins
    elif plugins is None:
        plugins = Plugins.discover(settings, await lifecycle.switched_off(db))
    await lifecycle.settle(db, plugins, CORE)
    if parts is None or parts.loaded != {share.plugin for share in plugins.contributions()}:
        parts = await compose(plugins)
    return parts


def _job_kinds(crm: Crm) -> Iterator[JobKind]:
    """Every kind of job that the core has."""
    keeping = Keeping(crm.settings.max_file_bytes, crm.settings.file_days)
    yield from import_jobs(crm.registry, keeping)
    yield prune_files()
    settings = crm.settings
    documents = crm.runner.documents
    yield export_job(Exporter(documents, crm.ask, settings.page_max, settings.max_file_bytes, settings.file_days))
    yield propose_duplicates()
    yield prune_jobs(crm.settings.job_kept_days, crm.settings.dead_job_kept_days)
    yield PRUNE_KEYS
    yield touchpoints_by_clock(crm.settings.time_zone)
    yield webhooks.prune_deliveries(crm.settings.webhook_kept_days)
    yield prune_plugin_events(crm.settings.plugin_event_kept_days)
    for share in crm.plugins.contributions():
        yield from (job.kind(crm.backing, share.plugin) for job in share.jobs)


class Crm:
    """One app: its settings, its plugins, its schema, its database and its engines."""

    def __init__(self, settings: Settings, parts: Composition, db: Database, secret: bytes, clock: Clock) -> None:
        self.settings = settings
        self.plugins = parts.plugins
        self.apps = parts.apps
        self.graph = parts.graph
        self.schema = parts.schema
        self.db = db
        self.clock = clock
        self.secret = secret
        self.known = KnownFields()
        self.plugin_settings = TenantSettings(db, secret, self.plugins.settings(), settings.plugins, environment())
        self.engine = ReadEngine(
            self.registry,
            self.schema.core,
            db.dialect,
            secret,
            limits=ReadLimits(page_default=settings.page_default, page_max=settings.page_max),
            plans=PlanCache(documents=settings.plan_cache_size),
        )
        limits = Limits(settings.max_document_bytes, settings.max_tokens, settings.max_depth, settings.max_aliases)
        documents = Documents(
            self.schema.core,
            limits,
            size=settings.plan_cache_size,
            introspection=settings.introspection,
            persisted=read_manifest(settings.persisted_documents),
            dropped=self.engine.plans.forget,
        )
        guard = webhooks.Guard(settings.webhook_allow)
        self.hosting = Hosting(
            self.plugins,
            self.registry.records,
            clock,
            lambda: self.backing,
            self.plugin_settings.ready,
            settings.plugins_patience,
        )
        self.overview = Overview(self.plugins, self.plugin_settings, self.hosting.wellness)
        self.runner = Runner(
            self.schema,
            self.engine,
            documents,
            settings.request_seconds,
            self.overview,
            tail=EventTail(db),
            check_seconds=settings.stream_check_seconds,
            guard=guard,
        )
        self.backing = Backing(
            db, clock, secret, settings.public_address, guard, self.context, self._answered, self.plugins.manifests,
            fault=self.host.fault, call=self.host.calling,
            settings=self.plugin_settings.given, hosts=self.plugin_settings.hosts, ready=self.plugin_settings.ready,
        )  # fmt: skip
        self.jobs = {kind.name: kind for kind in _job_kinds(self)}
        self.pages = Pages(self.plugins, self.backing)
        self.listening = Listening(db, list(listeners(self.plugins, self.backing, self.graph)), clock)
        self.webhooks = webhooks.Webhooks(db, GraphAuthor(self.runner, self.context), clock, guard)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings,
        plugins: Plugins | None = None,
        *,
        parts: Composition | None = None,
        clock: Clock = times.now,
    ) -> AsyncIterator[Crm]:
        """An app with its database open. ConfigError when the core's migrations wait or the database cannot be opened;
        a plugin whose migrations wait is left out, and one that is switched off in the database.

        `parts` is what `compose` made of the plugins; several apps may share it.
        """
        db = await connect(
            settings.database_url,
            connections=settings.database_connections,
            readers=settings.database_readers,
            statement_timeout_ms=settings.statement_timeout_ms,
        )
        try:
            parts = await _fitting(db, settings, plugins, parts)
            await lifecycle.note(db, parts.plugins, clock())
            secret = await signing_key(db, settings.secret.get_secret_value())
            crm = cls(settings, parts, db, secret, clock)
            await crm.listening.begin()
            try:
                async with crm.hosting.open():
                    yield crm
            finally:
                crm.runner.tail.close()
                await crm.listening.stop()
                await crm.backing.close()
        finally:
            await db.close()

    @property
    def host(self) -> Host:
        """The dispatcher through which all code of plugins is called."""
        return self.hosting.host

    @property
    def registry(self) -> Registry:
        """What every field of the graph is in the database."""
        return self.schema.registry

    def context(self, policy: Policy, cause: UUID | None = None) -> Context:
        """The context of one request or command."""
        cause = cause or new_id()
        more: dict[str, Any] = {
            "jobs": self.jobs,
            "plugins": self.backing,
            "guard": self.host.guard,
            "hooks": self.hosting.checks,
        }
        return Context(self.db, policy, self.graph, self.clock, cause, self.known, self.secret, **more)

    async def _answered(self, ctx: Context, document: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """The body of the answer to a query or mutation of a plugin."""
        answer = await self.runner.run(ctx, GraphQLRequest(document, variables))
        body: Mapping[str, Any] = orjson.loads(orjson.dumps(answer.body))
        return body

    async def ask(self, ctx: Context, document: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """The body of the answer to a query, for work of our own."""
        answer = await self.runner.ask(ctx, document, variables)
        body: Mapping[str, Any] = orjson.loads(orjson.dumps(answer.body))
        return body

    def worker(self) -> Worker:
        """A worker for the jobs of this app."""
        pace = Pace(self.settings.worker_jobs, self.settings.job_lease_seconds, self.settings.drain_seconds)
        return Worker(self.db, self.jobs, self.context, self.clock, pace)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """A worker runs jobs, sends webhooks and tells plugins while the block does, and ends well after it."""
        worker = self.worker()
        task = asyncio.create_task(worker.run())
        drain = self.settings.drain_seconds
        telling = [asyncio.create_task(self.webhooks.run(drain)), asyncio.create_task(self.listening.run(drain))]
        try:
            yield
        finally:
            worker.stop()
            for one in telling:
                one.cancel()
            await asyncio.wait(telling)
            await task

    async def run_jobs(self) -> int:
        """Run all jobs that are due now, and what follows from them, without waiting; how many."""
        return await self.worker().drain()

    def unwell(self) -> Mapping[str, str]:
        """The plugins that are not well, with their states; one that is switched off is not unwell."""
        return self.overview.unwell()

    async def run_events(self) -> int:
        """Tell plugins all that has happened, and what follows from it, without waiting; how many events."""
        return await self.listening.drain()

    def sdl(self) -> str:
        """The schema as text, plugins included."""
        return self._sdl

    @cached_property
    def _sdl(self) -> str:
        return print_schema(self.schema)


def create_app(
    settings: Settings | None = None,
    plugins: Plugins | None = None,
    *,
    parts: Composition | None = None,
    clock: Clock = times.now,
) -> Starlette:
    """The ASGI app. Its lifespan opens and closes everything; meanwhile `app.state.crm` is the Crm."""
    known = load() if settings is None else settings

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with Crm.open(known, plugins, parts=parts, clock=clock) as crm:
            app.state.crm = crm
            async with crm.working() if known.worker else nullcontext():
                yield

    app = Starlette(
        routes=routes(_crm),
        middleware=middleware(known),
        exception_handlers={HTTPException: not_found},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # a client that follows would send its token to wherever it is sent
    return app


def _crm(connection: Request | WebSocket) -> Crm:
    crm: Crm = connection.app.state.crm
    return crm
