"""What every plugin keeps to, in one call: `await assert_plugin_contract("surveys")`."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from graphql import get_named_type, is_composite_type, is_required_argument

from crmcore.app import Composition
from crmcore.domain.contacts import Contact, ContactLink
from crmcore.domain.customers import Customer
from crmcore.kit import times
from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql, ident
from crmcore.migrations import CORE
from crmcore.platform.access import Actor, ActorKind, Policy
from crmcore.platform.database import Database, connect
from crmcore.platform.metadata import load_models
from crmcore.platform.migrate import differences, migrate, pending
from crmcore.plugins import PluginState
from crmcore.records import Create, write
from crmcore.settings import Settings
from crmcore.testing.composing import Chosen, chosen, composed
from crmcore.testing.crm import TestCrm, opened
from crmcore.testing.databases import Databases, Dialect

_MANY: Final = 50


async def assert_plugin_contract(
    id: str, *, paths: Collection[Path | str] = (), on: Sequence[Dialect] = ("sqlite", "postgres")
) -> None:
    """Assert that a plugin loads, fits and leaves a database as it was.

    It loads alone with what it requires; its fields on customers and contacts cost as many statements for fifty as
    for one; its migrations come to a database in use and go again, make what its models say and touch nothing of the
    core; without it the core goes on, and its tables wait.
    """
    caller = Path(sys._getframe(1).f_code.co_filename)
    which = chosen([id], [Path(path) for path in paths], caller)
    parts = await composed(which, strict=False)
    bad = [p for p in parts.plugins.listing() if p.state != PluginState.LOADED]
    assert not bad, "\n".join(f"{p.id}: {p.state}: {'; '.join(p.problems)}" for p in bad)
    for dialect in on:
        async with _open(Databases(dialect)) as (url, db):
            await _fill(url)
            await _migrates(url, db, parts)
            await _costs(id, url, await composed(which, strict=False))


async def _fill(url: str) -> None:
    """A core in use: customers, and a contact of each."""
    parts = await composed(Chosen((), (), ()))
    async with opened(_settings(url), parts, times.now) as crm, crm.core.db.transaction() as tx:
        ctx = crm.core.context(Policy(crm.tenant, Actor(ActorKind.SYSTEM)))
        customers = [Create(Customer, {"name": f"Customer {number}"}, new_id()) for number in range(_MANY)]
        contacts = [Create(Contact, {"last_name": f"Contact {number}"}, new_id()) for number in range(_MANY)]
        pairs = zip(customers, contacts, strict=True)
        links = [Create(ContactLink, {"customer_id": c.id, "contact_id": p.id}) for c, p in pairs]
        await write(ctx, [*customers, *contacts, *links], tx=tx)


async def _costs(id: str, url: str, parts: Composition) -> None:
    """What the plugin adds to customers and contacts is answered for many by as many statements as for one."""
    async with opened(_settings(url), parts, times.now) as crm:
        added = crm.contributed(id).fields
        for kind, root in (("Customer", "customers"), ("Contact", "contacts")):
            type_: Any = crm.core.schema.core.type_map[kind]
            chosen_ = [
                f"{name} {{ __typename }}" if is_composite_type(get_named_type(field.type)) else name
                for name, field in type_.fields.items()
                if f"{kind}.{name}" in added and not any(is_required_argument(a) for a in field.args.values())
            ]
            if chosen_:
                await _alike(crm, root, " ".join(sorted(chosen_)))


async def _alike(crm: TestCrm, root: str, selection: str) -> None:
    spent = []
    for number in (1, 1, _MANY):  # the first time plans are made
        with crm.core.db.counting() as statements:
            await crm.gql(f"{{ {root}(first: {number}) {{ nodes {{ {selection} }} }} }}")
        spent.append(list(statements))
    listed = "\n".join(spent[-1])
    assert len(spent[-1]) <= len(spent[-2]), (
        f"{len(spent[-2])} statements for one of {root}, {len(spent[-1])} for {_MANY}: answer a field for all rows at "
        f"once.\n{listed}"
    )


def _settings(url: str) -> Settings:
    given: dict[str, Any] = {"database_url": url, "database_connections": 2, "worker": False}
    return Settings(**given)


async def _migrates(url: str, db: Database, parts: Composition) -> None:
    """The plugins' tables come to a database of the core, go again, and stay where they are when a plugin is absent."""
    own = [app for app in parts.apps if app.label != CORE.label]
    if own:
        before = await _counts(db)
        report = await migrate(url, parts.apps)
        assert report.differences == [], f"Models and migrations differ: {report.differences}"
        assert await pending(db, [CORE]) == []
        assert await differences(db, await load_models([CORE])) == []
        for app in reversed(own):
            await migrate(url, parts.apps, to=(app.label, None), losing=True)
        assert await _counts(db) == before, "Going back, the plugin's migrations change rows of the core."
        assert await differences(db, await load_models([CORE])) == []
        assert (await migrate(url, parts.apps)).differences == []


async def _counts(db: Database) -> dict[str, int]:
    """How many rows each table of the core has."""
    found = {}
    for model in (await load_models([CORE]))["core"].values():
        table = model._meta.db_table
        [row] = await db.fetch(Sql("SELECT count(*) AS found FROM ", ident(table)))
        found[table] = int(row["found"])
    return found


@asynccontextmanager
async def _open(databases: Databases) -> AsyncIterator[tuple[str, Database]]:
    url = databases.migrated()
    db = await connect(url, connections=2)
    try:
        yield url, db
    finally:
        await db.close()
        databases.drop(url)
