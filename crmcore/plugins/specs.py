"""The hooks: everything that crmcore asks of a plugin. A hook exists only if a real plugin uses it.

A plugin is a class with a manifest and the hooks it needs, each marked with `@hookimpl`:

    class Plugin:
        meta = Manifest(id="surveys", ...)

        @hookimpl
        def crm_graph(self) -> Sequence[type]:
            return [SurveysResponse, CustomerSurveys, SurveysResponseRecord]

An app makes one instance of it. A name or an argument that no hook here has is refused when the plugin is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Final

import pluggy

if TYPE_CHECKING:
    from crmcore.platform.record import Draft
    from crmcore.plugins.commands import Command
    from crmcore.plugins.crm import Crm
    from crmcore.plugins.events import PluginEvent
    from crmcore.plugins.jobs import Job
    from crmcore.plugins.problems import Problem
    from crmcore.plugins.web import Route

PROJECT: Final = "crmcore"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a method of a plugin's class as a hook."""


@hookspec
def crm_graph() -> Sequence[type]:  # type: ignore[empty-body]
    """What the plugin adds to the graph: its classes of `@record`, `@extend`, `@action`, `@query`, `@mutation`,
    `@subscription`, `@output`, `@input_object` and `@inputs` (`crmcore.schema`).

    Called once when an app is made, before any database is open. Its types, actions and root fields are named
    `<Id>Xxx`, the fields, inputs and filters that it adds to other records `<id>Xxx`; batch fields and inputs are
    nullable. Whatever is wrong with
    them, the plugin is left out and listed as failed; the rest of the app goes on.
    """


@hookspec
def crm_jobs() -> Sequence[Job]:  # type: ignore[empty-body]
    """The plugin's jobs: work that takes long, may fail, or has its time (`cron`).

    Called once when an app is made. Their kinds in the graph are `<id>.<name>`. A job runs in a worker, at least once,
    within its own timeout; what it raises is tried again after growing pauses, and after the last attempt it is a dead
    letter that `jobRetry` runs again. While the plugin is disabled or not loaded its jobs wait, and are listed.
    """


@hookspec
def crm_routes() -> Sequence[Route]:  # type: ignore[empty-body]
    """The addresses that the plugin answers, at `/plugins/<id>/<path>`: for pages, and for those who call it back.

    Called once when an app is made. Everybody may call them: what must be known of the caller is in the request, as a
    signature (`verify_signature`) or a sealed token (`crm.unseal`). An answer has 10 seconds, or the route's own
    timeout; what it raises is counted, and answered with 502 and nothing but the plugin's name.
    """


@hookspec
def crm_commands() -> Sequence[Command]:  # type: ignore[empty-body]
    """What the plugin can do on the command line: `crmcore <id> <name> --option ...`.

    Called once when an app is made. A command is run in the default tenant, acting as the plugin, without a budget;
    what it raises ends the command with exit code 1.
    """


@hookspec
async def crm_on_event(event: PluginEvent, crm: Crm) -> None:
    """Something that the manifest's `subscribes` names has happened.

    Called by a worker after the change is committed, at least once (`event.id` tells repeats), in order for each record
    while different records go on beside each other; `crm` acts as the plugin in the event's tenant. Events that the
    plugin itself caused are not told. It has 30 seconds; what it raises is tried again after growing pauses, for about
    three days, while the later events of that record wait behind it; then it is DEAD. `pluginEvents` lists what waits
    and what is dead, `pluginEventsReplay` tells it again. A plugin that is new begins with what happens next; one that
    was disabled is told what it missed.
    """


@hookspec
async def crm_validate(drafts: Sequence[Draft], crm: Crm) -> None:
    """Look at records of the manifest's `checks` before they are written, and refuse what must not be.

    Called in the transaction of every change of such records, be it a create, an update that changes something, a
    deletion or a restoration, with all of them at once, after the core's own rules and before a row is written. A merge
    is not validated (`crm_before_commit` sees it). `draft.refuse(Invalid("...", "amount"))` refuses one record, a
    refusal that is raised refuses all that were handed over; what the plugin does to a draft otherwise changes nothing.
    `crm` acts as the caller, and reads in the transaction. No network: everybody waits. Plugins are asked one after the
    other, what they require first; the first that refuses is the last one asked.

    It has 100 ms. If it raises something else or takes longer, the change is refused with code PLUGIN, unless the
    manifest's `on_error` is `skip`; what it did in the database is undone.
    """


@hookspec
async def crm_before_commit(drafts: Sequence[Draft], crm: Crm) -> None:
    """Look at a change of records of the manifest's `checks` when it is written, and let it be or veto it.

    Called in the transaction at the end of every command that changes such records: rows and history are written, what
    follows from the change too, and nothing is committed. `raise Veto("...", code="CREDIT_LIMIT", path="amount")`
    undoes the command, `draft.refuse(Veto(...))` names the record that is at fault. `await crm.write([...])` writes
    more records in the same transaction; what a plugin writes here is not handed to itself again.

    It has 250 ms and a savepoint of its own. If it raises something else or takes longer, the change is refused with
    code PLUGIN, unless the manifest's `on_error` is `skip`; what it did in the database is undone.
    """


@hookspec
def crm_lifespan(crm: Crm) -> AbstractAsyncContextManager[None]:  # type: ignore[empty-body]
    """What the plugin holds while the app is open: an async context manager, entered when the app opens and left, in
    reverse order, when it closes.

        @hookimpl
        @asynccontextmanager
        async def crm_lifespan(self, crm):
            self.client = await connect(...)
            yield
            await self.client.close()

    `crm` is that of the default tenant. Entering has 10 s, leaving too. `raise NotReady("no connection",
    retry_after=30)` says that it cannot begin yet. Then, and when it fails or takes longer, the plugin is DEGRADED, the
    app goes on, and it is tried again later. What it leaves running ends with the app.
    """


@hookspec
async def crm_health(crm: Crm) -> Sequence[Problem]:  # type: ignore[empty-body]
    """What is not well with the plugin now: `[Problem("smtp", "The mail server refuses us.", "ERROR")]`, or nothing.

    Asked when somebody looks (`plugins { health { ... } }`), at most once in ten seconds. It has 2 s; that it fails is
    a problem of its own. A problem changes nothing else.
    """
