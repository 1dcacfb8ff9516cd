"""The entries by which records are found: written with the record, and only when there is something new to say."""

from __future__ import annotations

import orjson
import pytest

from crmcore.domain.catalogue import Product
from crmcore.domain.contacts import Contact
from crmcore.domain.customers import ContactPoint, Customer
from crmcore.kit.sql import Sql
from crmcore.records import Create, Delete, Restore, Update, write


@pytest.fixture
def entries(ctx):
    async def read() -> dict[str, tuple[str, str]]:
        rows = await ctx.db.fetch(Sql("SELECT record_type, own, words, parts FROM search_entry ORDER BY id"))
        told = {}
        for row in rows:
            parts = orjson.loads(row["parts"] or "{}") if not isinstance(row["parts"], dict) else row["parts"]
            words = [word[8:] for word in " ".join([row["words"], *parts.values()]).split()]
            told[row["record_type"]] = (row["own"], " ".join(words))
        return told

    return read


async def one(ctx, change):
    return (await write(ctx, [change]))[0].id


async def test_an_entry_follows_its_record(ctx, entries):
    key = await one(ctx, Create(Customer, {"name": "Müller & Söhne", "tax_id": "DE 123"}))
    assert await entries() == {"customer": ("\t muller sohne\t de 123\t", "muller sohne de 123")}
    await write(ctx, [Update(Customer, key, {"name": "Maier", "tax_id": None})])
    assert await entries() == {"customer": ("\t maier\t", "maier")}
    with ctx.db.counting() as seen:
        await write(ctx, [Update(Customer, key, {"industry": "Wood"}), Create(Product, {"sku": "1", "name": "One"})])
    assert sum("search_entry" in text for text in seen) == 1
    with ctx.db.counting() as seen:
        await write(ctx, [Update(Customer, key, {"industry": "Steel"})])
    assert not [text for text in seen if "search_entry" in text], "nothing that is searched has changed"


async def test_a_part_is_found_with_whom_it_belongs_to(ctx, entries):
    key = await one(ctx, Create(Customer, {"name": "Acme"}))
    person = await one(ctx, Create(Contact, {"first_name": "Bo", "last_name": "Li"}))
    one_point, other = [
        await one(ctx, Create(ContactPoint, {"customer_id": key, "type": "EMAIL", "value": f"{name}@acme.test"}))
        for name in ("a", "b")
    ]
    both = "acme a test a@acme.test @acme.test b b@acme.test"
    assert set((await entries())["customer"][1].split()) == set(both.split())
    await write(ctx, [Delete(ContactPoint, other)])
    assert "b" not in (await entries())["customer"][1].split()
    await write(ctx, [Restore(ContactPoint, other)])
    assert set((await entries())["customer"][1].split()) == set(both.split())
    await write(ctx, [Update(ContactPoint, one_point, {"customer_id": None, "contact_id": person})])
    found = await entries()
    assert found["contact"] == ("\t bo li\t", "bo li a acme test a@acme.test @acme.test")
    assert "a" not in found["customer"][1].split()
    await write(
        ctx, [Update(ContactPoint, one_point, {"value": "c@acme.test"}), Update(Contact, person, {"last_name": "Wu"})]
    )
    assert (await entries())["contact"] == ("\t bo wu\t", "bo wu c acme test c@acme.test @acme.test")


async def test_a_command_says_everything_at_once(ctx, entries):
    with ctx.db.counting() as few:
        await write(ctx, [Create(Customer, {"name": "a"})])
    with ctx.db.counting() as many:
        await write(ctx, [Create(Customer, {"name": f"n{i}"}) for i in range(300)])
    assert len(few) == len(many)
