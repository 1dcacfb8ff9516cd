"""Deletion for good: a record, its parts, and what is said of them anywhere, gone.

A living record is deleted first, as any other, so that its rules, its effects and who still needs it have their say.
Then the rows go, the deleted parts among them, with everything that is kept beside rows: ids in other systems, words to
be found by, custom values, transitions, merges. Of the facts stays that they were, when and by whom, and one more for
each: `customer.purged`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

import orjson

from crmcore.errors import Conflict, Forbidden, Policy
from crmcore.kit.sql import Sql, ident
from crmcore.kit.text import article, plural
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.events import Fact, erase_events, record_events
from crmcore.platform.record import Draft, Record
from crmcore.records.changes import Delete
from crmcore.records.drafting import not_there
from crmcore.records.graph import Key, RecordGraph
from crmcore.records.related import together
from crmcore.records.rows import TENANT, Row, Run, among, ids_value, select
from crmcore.records.shape import shape_of
from crmcore.records.step import Step
from crmcore.records.write import Command, write

Doomed = dict[type[Record], dict[UUID, Row]]
"""What goes, by kind of record."""

_ABOUT: Final = ("external_ref", "search_entry", "transition", "merged_row")
"""Tables of rows about a record of any kind: `record_type` and `record_id`."""

_BESIDE: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "file": (("file_piece", "file_id"),),
    "webhook_endpoint": (
        ("webhook_secret", "endpoint_id"), ("webhook_cursor", "endpoint_id"), ("webhook_delivery", "endpoint_id"),
    ),
}  # fmt: skip
"""Rows that belong to a record of one kind: tables, and the column that names it."""


async def purge(ctx: Context, model: type[Record], key: UUID, expected_version: int | None = None) -> UUID:
    """Delete the record for good; its id. Policy while records that stay need it or a part of it, deleted ones too."""
    table = shape_of(model).table
    if not ctx.policy.may("purge", table):
        raise Forbidden(f"You may not purge {article(table.replace('_', ' '))}.")
    return await together(ctx, partial(purge_in, ctx, model, key, expected_version))


async def purge_in(ctx: Context, model: type[Record], key: UUID, expected_version: int | None, tx: Transaction) -> UUID:
    """The same in a transaction that is under way, for a caller that may."""
    await _delete(ctx, tx, model, key, expected_version)
    doomed = await _with_parts(ctx, tx, model, key)
    await _refuse_needed(ctx, tx, model, doomed)
    await Command(ctx, tx, False).run_prepared(partial(_let_go, doomed=doomed))
    await _forget_merges(ctx, tx, doomed)
    await _forget_duplicates(ctx, tx, doomed)
    for kind in sorted(doomed, key=ctx.graph.rank, reverse=True):
        await _erase(ctx, tx, kind, doomed[kind])
    await _forget_answers(ctx, tx, doomed)
    await record_events(tx, list(_facts(ctx, doomed)))
    tx.scrub()
    return key


async def _delete(ctx: Context, tx: Transaction, model: type[Record], key: UUID, expected_version: int | None) -> None:
    """Delete the record softly, unless that was done. NotFound if the caller sees none, Conflict at another version."""
    if await select(ctx, tx, model, ("id",), [key], lock="UPDATE"):
        await write(ctx, [Delete(model, key, expected_version)], tx=tx)
        return
    found = await select(ctx, tx, model, ("id",), [key], lock="UPDATE", life="deleted")
    if not found:
        raise not_there(model)
    current = found[0]["version"]
    if expected_version is not None and expected_version != current:
        text = f"This record is at version {current}, not {expected_version}: read it again and decide anew."
        raise Conflict(text, "expectedVersion", current_version=current, changed_fields=[])


async def _with_parts(ctx: Context, tx: Transaction, model: type[Record], key: UUID) -> Doomed:
    """The deleted record and all its parts, whenever they were deleted."""
    graph: RecordGraph = ctx.graph
    doomed: Doomed = defaultdict(dict)
    todo = [(model, row) for row in await _deleted(ctx, tx, model, "id", [key])]
    while todo:
        fresh: Doomed = defaultdict(dict)
        for kind, row in todo:
            if row["id"] not in doomed[kind]:
                doomed[kind][row["id"]] = fresh[kind][row["id"]] = row
        todo = []
        for kind, rows in fresh.items():
            for named in graph.naming(kind):
                if named.on_delete == "CASCADE":
                    parts = await _deleted(ctx, tx, named.model, named.column, rows)
                    todo += [(named.model, part) for part in parts]
    return doomed


async def _deleted(ctx: Context, tx: Transaction, model: type[Record], column: str, ids: Iterable[UUID]) -> list[Row]:
    return await select(ctx, tx, model, (column,), ids, lock="UPDATE", life="deleted", seen=False)


async def _refuse_needed(ctx: Context, tx: Transaction, model: type[Record], doomed: Doomed) -> None:
    """Policy where records that stay, living or deleted, cannot do without what is to go."""
    needing: dict[tuple[str, bool], set[UUID]] = defaultdict(set)
    for key in _naming(ctx, doomed, "RESTRICT"):
        for row in await _rows(ctx, tx, key, doomed[key.target]):
            own = UUID(str(row["id"]))
            if own not in doomed.get(key.model, ()):
                needing[shape_of(key.model).table, row["deleted_at"] is not None].add(own)
    if not needing:
        return
    told = [_counted(table, len(ids), deleted=deleted) for (table, deleted), ids in sorted(needing.items())]
    kind = shape_of(model).table.replace("_", " ")
    advice = "purge those first" if any(deleted for _, deleted in needing) else "delete or change those first"
    raise Policy(f"This {kind} is still needed by {' and '.join(told)}: {advice}.", "id")


def _counted(table: str, count: int, *, deleted: bool) -> str:
    said = table.replace("_", " ")
    return f"{count} {'deleted ' if deleted else ''}{said if count == 1 else plural(said)}"


async def _let_go(step: Step, doomed: Doomed) -> None:
    """Living records lose their loose references to what goes, as by an update. Those of deleted ones the database
    clears by itself."""
    for key in _naming(step.ctx, doomed, "SET NULL"):
        rows = await select(step.ctx, step.tx, key.model, (key.column,), doomed[key.target], lock="UPDATE", seen=False)
        for row in rows:
            draft = step.drafts.get((key.model, row["id"]))
            if draft is None:
                draft = Draft("update", key.model, row["id"], row, dict(row), peers=step.drafts)
                step.drafts[key.model, row["id"]] = draft
            draft.after[key.column] = None


def _naming(ctx: Context, doomed: Doomed, on_delete: str) -> list[Key]:
    return [key for model in list(doomed) for key in ctx.graph.naming(model) if key.on_delete == on_delete]


async def _erase(ctx: Context, tx: Transaction, model: type[Record], ids: Collection[UUID]) -> None:
    """The rows of one kind of record, and everything that is said about them."""
    table = shape_of(model).table
    of_kind = f" AND record_type = '{table}'"
    for about in _ABOUT:
        await remove(ctx, tx, about, "record_id", ids, of_kind)
    await _execute(ctx, tx, "UPDATE webhook_delivery SET answer = NULL, problem = NULL", "record_id", ids, of_kind)
    await remove(ctx, tx, "custom_value", "record_id", ids)
    for beside, column in _BESIDE.get(table, ()):
        await remove(ctx, tx, beside, column, ids)
    await erase_events(tx, ctx.tenant_id, table, ids, ctx.clock())
    await remove(ctx, tx, table, "id", ids)


async def _forget_merges(ctx: Context, tx: Transaction, doomed: Doomed) -> None:
    """Merges in which something of what goes took part cannot be undone any more: what is kept of them goes too."""
    kept = ctx.graph.tables["merge_record"]
    for model, rows in list(doomed.items()):
        if not model.special.merging:
            continue
        text = Sql(
            f"SELECT id, survivor_id, merged FROM merge_record WHERE record_type = '{shape_of(model).table}' "
            "AND tenant_id = ", TENANT,
        )  # fmt: skip
        found = await tx.fetch(text, Run(ctx))
        names = [str(key) for key in rows]
        gone = [r for r in found if str(r["survivor_id"]) in names or any(name in str(r["merged"]) for name in names)]
        if gone:
            keys = [UUID(str(row["id"])) for row in gone]
            await remove(ctx, tx, "merged_row", "merge_id", keys)
            await _erase(ctx, tx, kept, keys)


async def _forget_duplicates(ctx: Context, tx: Transaction, doomed: Doomed) -> None:
    """Pairs that may be the same: why they may is told by what they have in common."""
    pairs = ctx.graph.tables["duplicate_pair"]
    for model, rows in list(doomed.items()):
        found: set[UUID] = set()
        for column in ("first_id", "second_id") if model.special.merging else ():
            tree = Sql(
                f"SELECT id FROM duplicate_pair WHERE record_type = '{shape_of(model).table}' AND tenant_id = ", TENANT,
                " AND ", among(column, "ids", tx.dialect),
            )  # fmt: skip
            held = await tx.fetch(tree, Run(ctx, {"ids": ids_value(rows, tx.dialect)}))
            found |= {UUID(str(row["id"])) for row in held}
        if found:
            await _erase(ctx, tx, pairs, found)


async def _forget_answers(ctx: Context, tx: Transaction, doomed: Doomed) -> None:
    """Answers that are kept to be given again (idempotency keys) and in which something of what goes is told."""
    told = [text for model, rows in doomed.items() for row in rows.values() for text in _texts(model, row)]
    rows = await tx.fetch(Sql("SELECT id, answer FROM idempotency_key WHERE tenant_id = ", TENANT), Run(ctx))
    found = [UUID(str(row["id"])) for row in rows if any(text in str(row["answer"]) for text in told)]
    if found:
        await remove(ctx, tx, "idempotency_key", "id", found)


def _texts(model: type[Record], row: Row) -> Iterator[str]:
    """What an answer tells of a row: its id, and what it is found by, as texts stand in JSON that stands in JSON."""
    yield str(row["id"])
    for name in model.special.search:
        if row[name]:
            inner = orjson.dumps(row[name])[1:-1].decode()
            yield orjson.dumps(inner)[1:-1].decode()


def _facts(ctx: Context, doomed: Doomed) -> Iterator[Fact]:
    for model in sorted(doomed, key=ctx.graph.rank):
        table = shape_of(model).table
        for key in doomed[model]:
            yield Fact(
                ctx.tenant_id, f"{table}.purged", table, key, None, None, [], ctx.actor.kind, ctx.actor.id, ctx.cause,
                ctx.clock(), ctx.actor.token_id, ctx.operation or None, ctx.reason or None,
            )  # fmt: skip


async def remove(ctx: Context, tx: Transaction, table: str, column: str, ids: Iterable[UUID], more: str = "") -> None:
    """Delete the tenant's rows in which the column is among the ids."""
    await _execute(ctx, tx, f"DELETE FROM {ident(table)}", column, ids, more)


async def _execute(ctx: Context, tx: Transaction, text: str, column: str, ids: Iterable[UUID], more: str = "") -> None:
    """A statement on the tenant's rows in which the column is among the ids."""
    tree = Sql(f"{text} WHERE tenant_id = ", TENANT, " AND ", among(ident(column), "ids", tx.dialect), more)
    await tx.execute(tree, Run(ctx, {"ids": ids_value(ids, tx.dialect)}))


async def _rows(ctx: Context, tx: Transaction, key: Key, ids: Iterable[UUID]) -> Sequence[Any]:
    """The tenant's rows that name one of these ids by the key, living or deleted."""
    tree = Sql(
        f"SELECT id, deleted_at FROM {ident(shape_of(key.model).table)} WHERE tenant_id = ", TENANT, " AND ",
        among(ident(key.column), "ids", tx.dialect),
    )  # fmt: skip
    return await tx.fetch(tree, Run(ctx, {"ids": ids_value(ids, tx.dialect)}))
