"""Pages of large tables are read from an index, from where they begin: what the databases themselves say of it."""

from __future__ import annotations

import re

import pytest

from crmcore.domain import activities, customers
from tests.query.large import CUSTOMERS, TASKS, Walked, fill

ROWS = 30_000
PAGE = 20
MOST_LOOKED_AT = 400
"""A page, one row more for what follows, both parts of a list with nulls, and what a filter leaves out."""

LIST = """query($where: %(type)sFilter, $orderBy: [%(type)sOrder!], $first: Int, $after: String, $last: Int, $before: String) {
    %(list)s(where: $where, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
        nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""

ORDERS = [
    ("customers", None, [], "ix_customer_id"),
    ("customers", None, [{"field": "ID", "direction": "DESC"}], "ix_customer_id"),
    ("customers", None, [{"field": "NAME"}], "ix_customer_name_folded"),
    ("customers", None, [{"field": "NAME", "direction": "DESC"}], "ix_customer_name_folded"),
    ("customers", None, [{"field": "CREATED_AT"}], "ix_customer_created_at"),
    ("customers", None, [{"field": "CREATED_AT", "direction": "DESC"}], "ix_customer_created_at"),
    ("customers", {"isKeyAccount": {"eq": True}}, [{"field": "CREATED_AT", "direction": "DESC"}], "ix_customer_created_at"),
    ("customers", {"name": {"iContains": "7"}}, [{"field": "NAME"}], "ix_customer_name_folded"),
    *(
        ("tasks", where, [{"field": "DUE_AT", "direction": direction, "nulls": nulls}], "ix_task_due_at")
        for direction in ("ASC", "DESC")
        for nulls in ("FIRST", "LAST")
        for where in (None, {"status": {"eq": "OPEN"}})
    ),
]  # fmt: skip


@pytest.fixture
async def walked(graph, ctx, db, tenant):
    await fill(db, tenant, customers.Customer, ROWS, CUSTOMERS, name="x")
    await fill(db, tenant, activities.Task, ROWS, TASKS, subject="x")
    return Walked(graph, ctx)


async def places(graph, ctx, text, variables, depth):
    """Cursors at the beginning of the list, deep in it and near its end, from pages read by both directions."""
    found = {"start": await _cursor(graph, ctx, text, variables | {"first": PAGE}, "endCursor")}
    found["end"] = await _cursor(graph, ctx, text, variables | {"last": PAGE}, "startCursor")
    cursor = found["start"]
    for _ in range(depth):
        cursor = await _cursor(graph, ctx, text, variables | {"first": 200, "after": cursor}, "endCursor")
    found["deep"] = cursor
    return found


async def _cursor(graph, ctx, text, variables, name):
    return next(iter((await graph.ask(ctx, text, variables)).values()))["pageInfo"][name]


async def test_pages_come_from_the_index(walked, graph, ctx, dialect):
    problems = []
    for list_, where, order, index in ORDERS:
        text = LIST % {"list": list_, "type": list_.capitalize()[:-1]}
        variables = {"where": where, "orderBy": order}
        known = await places(graph, ctx, text, variables, 20)
        pages = [{"first": PAGE}, {"last": PAGE}]
        pages += [{"first": PAGE, "after": cursor} for cursor in known.values()]
        pages += [{"last": PAGE, "before": cursor} for cursor in known.values()]
        for page in pages:
            lines = await walked.lines(text, variables | page)
            wrong = _wrong_of(dialect, lines, list_[:-1], index, deep="after" in page or "before" in page)
            if wrong:
                problems.append(f"{list_} {where} {order} {page}: {wrong}\n  " + "\n  ".join(lines))
    assert not problems, "\n".join(problems)


def _wrong_of(dialect, lines, table, index, *, deep):
    known = (index, f"{table}_pkey")  # PostgreSQL takes the primary key for the order by id where it is as good
    mentioned = [line for line in lines if any(name in line for name in known)]
    if not mentioned:
        return f"{index} is not used"
    if dialect == "sqlite":
        scanned = {line.partition(" of ")[0] for line in lines if re.match(rf"SCAN {table[0]}\d", line)}
        if any(line.replace("SCAN", "CO-ROUTINE") not in lines for line in scanned):  # a page goes by its table's alias
            return "a table is scanned"
        if any("TEMP B-TREE" in line and "SEARCH" in line for line in lines):
            return "rows are sorted"
        return "" if not deep or any(re.search(r"\)[<>]\(|[<>]\?", line) for line in mentioned) else "no range"
    looked = {line: int(re.search(r"(\d+) rows", line)[1]) for line in lines}
    far = [line for line, rows in looked.items() if rows > MOST_LOOKED_AT]
    if far:
        return f"too many rows are looked at: {far}"
    if any(line.startswith("Seq Scan") and not line.endswith(" 0 rows") for line in lines):
        return "a table is scanned"
    return (
        ""
        if not deep or any(re.search(r"ROW\(|due_at|\(id [<>]", line) for line in mentioned)
        else "no comparison of rows"
    )
