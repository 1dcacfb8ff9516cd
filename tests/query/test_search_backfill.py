"""What was there before search was: the migration makes it found, as if it had been written afterwards."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from crmcore.domain.catalogue import Product
from crmcore.domain.contacts import Contact
from crmcore.domain.customers import ContactPoint, Customer
from crmcore.domain.people import User
from crmcore.kit.sql import Sql
from crmcore.migrations import CORE
from crmcore.platform.access import Actor, ActorKind, Policy
from crmcore.platform.context import Context
from crmcore.platform.database import connect
from crmcore.platform.identity import find_tenant
from crmcore.platform.metadata import load_models
from crmcore.platform.migrate import migrate
from crmcore.records import Create, Delete, Restore, graph_of, write
from tests.query.large import CUSTOMERS, fill

BEFORE = ("core", "0002_timeline")
MANY = 2_005
"""Rows of one table: more than are filled in at a time."""

FOUND = "query($q: String!) { search(query: $q) { edges { match node { __typename ... on Customer { name } } } } }"


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Context]:
    db = await connect(url, connections=2)
    try:
        tenant = await find_tenant(db)
        assert tenant is not None
        yield Context(db, Policy(tenant, Actor(ActorKind.SYSTEM)), graph=graph_of(await load_models([CORE])))
    finally:
        await db.close()


async def entries(ctx: Context) -> dict[tuple[str, str], Any]:
    """Every entry with its words; the parts' in any order."""
    told = {}
    for row in await ctx.db.fetch(Sql("SELECT record_type, record_id, own, words, parts FROM search_entry")):
        held = row["parts"] or {}
        parts = held if isinstance(held, dict) else orjson.loads(held)
        told[row["record_type"], str(row["record_id"])] = (row["own"], row["words"], parts)
    return told


async def one(ctx: Context, change: Any) -> Any:
    return (await write(ctx, [change]))[0].id


@pytest.fixture
async def old(database_url):
    """The URL of a database from before search with rows, what their entries were, and a few of their keys."""
    async with opened(database_url) as ctx:
        acme = await one(ctx, Create(Customer, {"name": "Acme Straße", "legal_name": "Söhne GmbH", "tax_id": "DE123"}))
        gone = await one(ctx, Create(Customer, {"name": "Gone & Co"}))
        zoe = await one(ctx, Create(Contact, {"first_name": "Zoë", "last_name": "Ångström"}))
        await write(ctx, [
            Create(User, {"name": "Ada", "email": "ada@acme.example"}), Create(Product, {"sku": "A-1", "name": "Anvil"}),
            Create(ContactPoint, {"customer_id": acme, "type": "PHONE", "value": "+49 89 123456"}),
            Create(ContactPoint, {"customer_id": acme, "type": "EMAIL", "value": "desk@smith.example"}),
            Create(ContactPoint, {"contact_id": zoe, "type": "EMAIL", "value": "zoe@old.example"}),
        ])  # fmt: skip
        away = await one(ctx, Create(ContactPoint, {"contact_id": zoe, "type": "EMAIL", "value": "away@old.example"}))
        await write(ctx, [Delete(ContactPoint, away), Delete(Customer, gone)])
        told = await entries(ctx)
        await fill(ctx.db, ctx.tenant_id, Customer, MANY, CUSTOMERS, name="x")
    down = await migrate(database_url, [CORE], to=BEFORE, losing=True)
    assert "core.0003_search" in map(str, down.reverted)
    return database_url, told, {"gone": gone, "away": away}


async def test_what_was_there_is_found(old, graph):
    url, told, keys = old
    async with opened(url) as ctx:
        with pytest.raises(Exception, match="search_entry"):
            await entries(ctx)
    report = await migrate(url, [CORE])
    assert (str(report.applied[0]), report.differences) == ("core.0003_search", [])
    async with opened(url) as ctx:
        made = await entries(ctx)
        assert len(made) == len(told) + MANY
        assert {key: made[key] for key in told} == told, "as the write engine says it"

        async def find(words: str) -> list[tuple[str, str, str | None]]:
            edges = (await graph.ask(ctx, FOUND, {"q": words}))["search"]["edges"]
            return [(e["match"], e["node"]["__typename"], e["node"].get("name")) for e in edges]

        acme = ("Customer", "Acme Straße")
        assert await find("acme strasse") == [("BEGINS", *acme)]
        assert await find("089 123456") == [("PARTS", *acme)]
        assert await find("soh smith") == [("PARTS", *acme)]
        assert await find("angstrom") == [("WORDS", "Contact", None)]
        assert await find("anvil") == [("BEGINS", "Product", None)]
        assert [name for _, _, name in await find("name 7919")] == ["Name 7919"]
        assert await find("gone") == await find("away@old.example") == []
        await write(ctx, [Restore(Customer, keys["gone"]), Restore(ContactPoint, keys["away"])])
        assert await find("gone") == [("BEGINS", "Customer", "Gone & Co")]
        assert await find("away@old.example") == [("PARTS", "Contact", None)]


async def test_down_and_up_again_loses_nothing(old, dialect):
    url, _, _ = old
    await migrate(url, [CORE])
    async with opened(url) as ctx:
        first = await entries(ctx)
    await migrate(url, [CORE], to=BEFORE, losing=True)
    async with opened(url) as ctx:
        (row,) = await ctx.db.fetch(Sql("SELECT count(*) AS n FROM customer"))
        assert row["n"] == MANY + 2
        if dialect == "sqlite":
            rows = await ctx.db.fetch(Sql("SELECT name, coalesce(sql, '') AS sql FROM sqlite_schema"))
            assert not [row["name"] for row in rows if re.search("search_", row["name"] + row["sql"])]
    assert (await migrate(url, [CORE])).differences == []
    async with opened(url) as ctx:
        assert await entries(ctx) == first
