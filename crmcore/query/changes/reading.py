"""The statements by which the feed finds what to tell: keys only. What is told of them is read by the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from tortoise.models import Model

from crmcore.kit.sql import EMPTY, Bind, Sql, Statement, any_of, ident, join, render
from crmcore.platform.access import Actor, ActorKind, Policy, Reach
from crmcore.platform.context import Context
from crmcore.platform.fields import Uuid
from crmcore.platform.predicates import predicate
from crmcore.query.changes.dependence import Dependence, Tie
from crmcore.query.changes.position import BEGIN, Place
from crmcore.query.dialects import Dialect

Key = tuple[str, UUID]
"""A record: the name of its table, and its key."""

_UUID = Uuid()


@dataclass(frozen=True, slots=True)
class Asked:
    """What the binds of a statement read."""

    context: Context
    limit: int
    place: Place = BEGIN
    after: int = 0
    upto: int = 0
    seeds: Sequence[Key] = ()


@dataclass(frozen=True, slots=True)
class Happening:
    """An event, as far as it matters to the feed.

    `made` and `ended` tell a creation or restoration, and a deletion. `before` has the changed columns of an update;
    of an event that was `erased` it is not known, nor is there more in one of a record that was `purged`. `near` says
    whether the caller sees the record now, or would if it were not deleted; true of one that is not in the database any
    more, or hangs elsewhere than when it was deleted.
    """

    sequence: int
    record: Key
    created: bool
    made: bool
    ended: bool
    erased: bool
    purged: bool
    changed: frozenset[str]
    before: Mapping[str, Any]
    near: bool


class Reading:
    """Makes the statements for one registry on one kind of database, and runs them."""

    def __init__(self, models: Mapping[str, type[Model]], dependence: Dependence, dialect: Dialect) -> None:
        self.models = models
        self.dependence = dependence
        self.dialect = dialect
        self._snapshot = lru_cache(256)(self._make_snapshot)
        self._happenings = lru_cache(256)(self._make_happenings)
        self._hanging = lru_cache(256)(self._make_hanging)

    async def snapshot(self, asked: Asked, tables: Sequence[str]) -> list[tuple[int, UUID]]:
        """The first living records that the caller sees behind a place: the number of the type, and the key.

        One statement, and one more for each type that ends on the page: what comes later is not looked for yet, which
        for a caller who sees little of much would cost more than the page.
        """
        found: list[tuple[int, UUID]] = []
        reach = asked.context.policy.reach
        for number in range(asked.place.type, len(tables)):
            room = asked.limit - len(found)
            if not room:
                break
            rows = await asked.context.db.fetch(
                self._snapshot(reach, tables[number], number), replace(asked, limit=room)
            )
            found += [(number, _UUID.from_driver(row["id"])) for row in rows]
        return found

    async def happenings(self, asked: Asked, tables: Sequence[str]) -> list[Happening]:
        """The first events of these types of records after a sequence, up to another."""
        reach = asked.context.policy.reach
        rows = await asked.context.db.fetch(self._happenings(reach, tuple(tables)), asked)
        return [_happening(row) for row in rows]

    async def hanging(self, asked: Asked, tables: Sequence[str]) -> list[tuple[int, UUID]]:
        """The first records behind a place that hang on the seeds, living or not, whoever sees them."""
        return await self._places(self._hanging(tuple(tables), frozenset(table for table, _ in asked.seeds)), asked)

    async def _places(self, statement: Statement, asked: Asked) -> list[tuple[int, UUID]]:
        rows = await asked.context.db.fetch(statement, asked)
        return sorted((int(row["type"]), _UUID.from_driver(row["id"])) for row in rows)

    # ------------------------------------------------------------ the statements

    def _make_snapshot(self, reach: Reach, table: str, number: int) -> Statement:
        rows = Sql(f"SELECT t.id FROM {ident(table)} t WHERE ", self._guard(reach, table, "t"), " AND t.id > ")
        return self._render(Sql(rows, self._low(number), " ORDER BY t.id LIMIT ", _LIMIT))

    def _make_happenings(self, reach: Reach, tables: tuple[str, ...]) -> Statement:
        near: list[Sql | str] = ["CASE e.record_type"]
        for number, table in enumerate(tables):
            alias = f"t{number}"
            guards = self._guard(reach, table, alias), self._guard(reach, table, alias, deleted=True)
            seen = any_of([*guards, self._strayed(table, alias)])
            row = Sql("(SELECT ", seen, f" IS TRUE FROM {ident(table)} {alias} WHERE {alias}.id = e.record_id)")
            near.append(Sql(f" WHEN '{table}' THEN coalesce(", row, ", TRUE)"))
        told = Sql(*near, " END") if reach is not Reach.TENANT else Sql("TRUE")
        types = ", ".join(f"'{table}'" for table in tables)
        rows = Sql(
            "SELECT sequence, type, record_type, record_id, changed_fields, before, after FROM event WHERE "
            "tenant_id = ", self._tenant(), " AND sequence > ", _of("after"), " AND sequence <= ", _of("upto"),
            f" AND record_type IN ({types}) ORDER BY sequence LIMIT ", _LIMIT,
        )  # fmt: skip
        return self._render(
            Sql(
                "SELECT e.sequence, e.record_type, e.record_id, e.changed_fields, "
                "e.type = e.record_type || '.created' AS created, e.type = e.record_type || '.purged' AS purged, "
                "e.before IS NULL AS made, e.after IS NULL AS ended, "
                "CASE WHEN e.after IS NOT NULL THEN e.before END AS before, ", told, " AS near FROM (", rows,
                ") e ORDER BY e.sequence",
            )
        )  # fmt: skip

    def _strayed(self, table: str, alias: str) -> Sql:
        """Whether a deleted record hangs elsewhere than when it was deleted: a merge moves such rows untold."""
        parents = [tie.column for tie in self.dependence.ties if tie.table == table and not tie.child]
        moved = any_of(f"CAST({alias}.{key} AS text) IS DISTINCT FROM e.before ->> '{key}'" for key in parents)
        return Sql("(e.after IS NULL AND e.before IS NOT NULL AND ", moved, ")") if parents else EMPTY

    def _make_hanging(self, tables: tuple[str, ...], seeded: frozenset[str]) -> Statement:
        """Each type's rows by those of the types that it hangs on. Deleted ones too: what was seen through them may
        have been seen until now."""
        below = self.dependence.below(seeded)
        order = [table for table in self.dependence.order if table in below | seeded]
        parts = [self._seed()]
        parts += [Sql(f"{_cte(table)}(id) AS (", self._tied(table, seeded, order), ")") for table in order]
        each = [
            Sql(
                f"SELECT * FROM (SELECT {number} AS type, id FROM {_cte(table)} WHERE id > ", self._low(number),
                " ORDER BY id LIMIT ", _LIMIT, f") p{number}",
            )
            for number, table in enumerate(tables)
            if table in below
        ]  # fmt: skip
        return self._render(Sql("WITH ", join(", ", parts), " ", join(" UNION ALL ", each)))

    def _tied(self, table: str, seeded: frozenset[str], order: Sequence[str]) -> Sql:
        """A query of the keys of a type: the seeds, and what hangs on rows found before."""
        found = [Sql(f"SELECT id FROM seed WHERE type = '{table}'")] if table in seeded else []
        found += [self._through(tie) for tie in self.dependence.ties if tie.table == table and tie.on in order]
        return join(" UNION ", found)

    def _through(self, tie: Tie) -> Sql:
        above = f"(SELECT id FROM {_cte(tie.on)})"
        if tie.child:
            rows = f"FROM {ident(tie.on)} t WHERE t.id IN {above}"
            return Sql(f"SELECT DISTINCT t.{tie.column} {rows} AND t.{tie.column} IS NOT NULL")
        return Sql(
            f"SELECT t.id FROM {ident(tie.table)} t WHERE t.tenant_id = ", self._tenant(),
            f" AND t.{tie.column} IN {above}",
        )  # fmt: skip

    def _seed(self) -> Sql:
        if self.dialect.name == "postgres":
            types = Bind(lambda asked: [table for table, _ in asked.seeds], "text[]")
            ids = Bind(lambda asked: [key for _, key in asked.seeds], "uuid[]")
            return Sql("seed(type, id) AS (SELECT * FROM unnest(", types, ", ", ids, "))")
        pairs = Bind(lambda asked: orjson.dumps([(table, str(key)) for table, key in asked.seeds]).decode())
        return Sql("seed(type, id) AS (SELECT value ->> 0, value ->> 1 FROM json_each(", pairs, "))")

    # ------------------------------------------------------------ the parts

    def _guard(self, reach: Reach, table: str, alias: str, *, deleted: bool = False) -> Sql:
        anybody = Policy(_NOBODY, Actor(ActorKind.SYSTEM), reach)  # only the reach goes into the text
        return predicate(
            anybody, self.models[table], alias, self.dialect.name, policy_of=lambda asked: asked.context.policy,
            deleted=deleted,
        )  # fmt: skip

    def _low(self, number: int) -> Bind:
        return self._key(lambda asked: asked.place.low(number))

    def _tenant(self) -> Bind:
        return self._key(lambda asked: asked.context.tenant_id, "tenant")

    def _key(self, get: Callable[[Asked], UUID], key: str | None = None) -> Bind:
        return Bind(lambda asked: _UUID.to_driver(get(asked), self.dialect.name), "uuid", key)

    def _render(self, tree: Sql) -> Statement:
        return render(tree, self.dialect.name)


_NOBODY = UUID(int=0)


def _of(name: str) -> Bind:
    return Bind(lambda asked: getattr(asked, name), "bigint", name)


_LIMIT = _of("limit")


def _cte(table: str) -> str:
    return ident(f"h_{table}")


def _happening(row: Any) -> Happening:
    before, changed = row["before"], row["changed_fields"]
    erased = bool(row["made"] and row["ended"])
    return Happening(
        sequence=int(row["sequence"]),
        record=(row["record_type"], _UUID.from_driver(row["record_id"])),
        created=bool(row["created"]),
        made=bool(row["made"]) and not erased,
        ended=bool(row["ended"]) and not erased,
        erased=erased,
        purged=bool(row["purged"]),
        changed=frozenset(orjson.loads(changed)),
        before=orjson.loads(before) if before else {},
        near=bool(row["near"]),
    )
