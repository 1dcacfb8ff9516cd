"""Walks while others write: every row that nobody touches is seen exactly once, in the list's order."""

from __future__ import annotations

import random

import pytest

from crmcore.domain import activities, customers
from crmcore.kit.sql import Sql, value
from tests.query.conftest import BEGINNING

PAGE = """query($orderBy: [%(type)sOrder!], $first: Int, $after: String, $last: Int, $before: String) {
    %(list)s(orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
        nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""

LISTS = [
    (customers.Customer, "customers", "EMPLOYEES", "employees", "int"),
    (activities.Task, "tasks", "DUE_AT", "due_at", "timestamptz"),
]
"""One whose order no index serves, and one that is read in two parts, with and without a value."""


def row(model, number, randomness):
    """Half of the rows have no value; the others have one of four."""
    held = randomness.choice((0, 1, 2, 3)) if randomness.random() < 0.5 else None
    if model is customers.Customer:
        return {"name": f"n{number}", "employees": held}
    return {"subject": f"s{number}", "due_at": None if held is None else BEGINNING.replace(day=1 + held)}


class Others:
    """Everybody else: they insert, change and delete rows that are theirs."""

    def __init__(self, seed, db, model, column, cast, theirs, randomness):
        self.seed, self.db, self.model, self.column, self.cast = seed, db, model, column, cast
        self.theirs, self.randomness = theirs, randomness

    async def write(self):
        table = f'"{self.model._meta.db_table}"'
        for _ in range(self.randomness.randint(0, 4)):
            doing = self.randomness.choice(("insert", "update", "delete", "restore"))
            if doing == "insert" or not self.theirs:
                self.theirs += await self.seed.many(self.model, [row(self.model, 0, self.randomness)])
                continue
            key = self.randomness.choice(self.theirs)
            which = f" WHERE id = '{key}'"
            async with self.db.transaction() as tx:
                if doing == "update":
                    held = row(self.model, 0, self.randomness)[self.column]
                    told = held if held is None or self.db.dialect == "postgres" or self.cast == "int" else _text(held)
                    await tx.execute(Sql(f"UPDATE {table} SET {self.column} = ", value(told, self.cast), which))
                else:
                    moment = "updated_at" if doing == "delete" else "NULL"
                    await tx.execute(Sql(f"UPDATE {table} SET deleted_at = {moment}{which}"))


def _text(instant):
    return instant.isoformat(timespec="microseconds")


async def walk(graph, ctx, text, order, others, randomness, backward):
    """The ids in the order in which the pages show them, with writes between the pages."""
    seen, cursor = [], None
    while True:
        size, at, onward, end = (
            ("last", "before", "hasPreviousPage", "startCursor")
            if backward
            else ("first", "after", "hasNextPage", "endCursor")
        )
        variables = {"orderBy": order, size: randomness.randint(1, 7), at: cursor}
        (page,) = (await graph.ask(ctx, text, variables)).values()
        ids = [node["id"] for node in page["nodes"]]
        seen += reversed(ids) if backward else ids
        if not page["pageInfo"][onward]:
            return seen
        cursor = page["pageInfo"][end]
        await others.write()


@pytest.mark.parametrize("run", range(2))
@pytest.mark.parametrize("model, list_, field, column, cast", LISTS, ids=[item[1] for item in LISTS])
async def test_untouched_rows_are_seen_once_in_order(graph, ctx, seed, db, run, model, list_, field, column, cast):
    randomness = random.Random(run)
    keys = await seed.many(model, [row(model, n, randomness) for n in range(48)])
    prefix, untouched = f"{list_[:-1]}_", set(keys[::2])
    text = PAGE % {"list": list_, "type": list_.capitalize()[:-1]}
    others = Others(seed, db, model, column, cast, keys[1::2], randomness)
    for direction in ("ASC", "DESC"):
        for nulls in ("FIRST", "LAST"):
            order = [{"field": field, "direction": direction, "nulls": nulls}]
            (whole,) = (await graph.ask(ctx, text, {"orderBy": order, "first": 200})).values()
            own = [f"{prefix}{key}" for key in untouched]
            expected = [node["id"] for node in whole["nodes"] if node["id"] in own]
            assert len(expected) == len(untouched)
            for backward in (False, True):
                seen = await walk(graph, ctx, text, order, others, randomness, backward)
                kept = [id_ for id_ in seen if id_ in own]
                assert kept == (expected[::-1] if backward else expected), (order, backward)
