"""What every plugin keeps to, in one call: `await assert_plugin_contract("surveys")`."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from crmcore.app import Composition
from crmcore.kit.sql import Sql, ident
from crmcore.migrations import CORE
from crmcore.platform.database import Database, connect
from crmcore.platform.metadata import load_models
from crmcore.platform.migrate import differences, migrate, pending
from crmcore.plugins import PluginState
from crmcore.testing.composing import Chosen, chosen, composed
from crmcore.testing.databases import Databases, Dialect


async def assert_plugin_contract(
    id: str, *, paths: Collection[Path | str] = (), on: Sequence[Dialect] = ("sqlite", "postgres")
) -> None:
    """Assert that a plugin loads, fits and leaves a database as it was.

    It loads alone with what it requires; its migrations come to a database in use and go again, make what its models
    say and touch nothing of the core; without it the core goes on, and its tables wait.
    """
    caller = Path(sys._getframe(1).f_code.co_filename)
    which = chosen([id], [Path(path) for path in paths], caller)
    parts = await composed(which, strict=False)
    bad = [p for p in parts.plugins.listing() if p.state != PluginState.LOADED]
    assert not bad, "\n".join(f"{p.id}: {p.state}: {'; '.join(p.problems)}" for p in bad)
    for dialect in on:
        await _migrates(Databases(dialect), parts, which)


async def _migrates(databases: Databases, parts: Composition, which: Chosen) -> None:
    """The plugins' tables come to a database of the core, go again, and stay where they are when a plugin is absent."""
    own = [app for app in parts.apps if app.label != CORE.label]
    if not own:
        return
    async with _open(databases) as (url, db):
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
