"""What every query must answer, worked out the slow way: graphql-core's own executor over rows in memory.

Nothing of the compiled path is used but the registry's names of columns. Nulls, errors and merging of fields are
graphql-core's business; filters, orders, pages and groups are spelled out here as the schema's descriptions promise them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from graphql import ExecutionResult, GraphQLResolveInfo, build_schema, execute_sync, parse

from crmcore.platform.access import Policy, Reach
from crmcore.platform.record import Record
from crmcore.platform.tables import foreign_keys
from crmcore.query import (
    BatchField,
    ExternalRefsField,
    ManyField,
    MoneyField,
    OneField,
    RecordType,
    Registry,
    StampField,
    ValueField,
)
from crmcore.query import vocabulary as words
from tests.differential import fragile
from tests.differential.company import Row, Tables
from tests.differential.computed import column, figure, fill
from tests.differential.forms import compared, money, shown, sort_value
from tests.differential.groups import Group, Groups

CURSOR = "cursor of "


@dataclass(frozen=True)
class Found:
    """A record in an answer."""

    record: RecordType
    row: Row


@dataclass(frozen=True)
class Page:
    record: RecordType
    rows: Sequence[Row]
    whole: Sequence[Row]
    more: bool
    passed: bool
    backward: bool


@dataclass
class Reference:
    """Answers queries over `tables` for one policy. `cursors` names the record of each cursor that the engine made."""

    registry: Registry
    sdl: str
    tables: Tables
    policy: Policy
    team_of: Callable[[Row], Any] = lambda row: row.get("team_id")
    cursors: dict[str, UUID] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.schema = build_schema(self.sdl)
        self.groups = Groups(self)
        self.by_id = {model: {r["id"]: r for r in rows} for model, rows in self.tables.items()}
        fill(self)
        self.roots: dict[str, tuple[RecordType, Callable[..., Any]]] = {}
        for record in self.registry.records.values():
            self.roots[record.root] = record, self._by_id
            self.roots[record.root_plural] = record, self._list
            self.roots[f"{record.root}ByExternalRef"] = record, self._by_external_ref
            self.roots[f"{record.root}Aggregate"] = record, self._aggregate

    def answer(self, text: str, variables: dict[str, Any]) -> ExecutionResult:
        """The answer of graphql-core."""
        return execute_sync(
            self.schema, parse(text), variable_values=variables, field_resolver=self._resolve, type_resolver=_type_name
        )

    # ------------------------------------------------------------ what the caller sees

    def sees(self, model: type[Record], row: Row | None, *, deleted: bool = False) -> bool:
        """Whether the caller may see a row: of the tenant, living, within the policy."""
        if row is None or row["tenant_id"] != self.policy.tenant_id or (row["deleted_at"] is None) is deleted:
            return False
        access = getattr(model, "access", None)
        if self.policy.reach is Reach.TENANT or access is None or access.kind == "tenant":
            return True
        if access.kind == "owner":
            actor = self.policy.actor
            own = row["owner_id"] is not None and row["owner_id"] == actor.user_id
            team = row["team_id"] is not None and row["team_id"] == actor.team_id
            return own or (team and self.policy.reach is Reach.TEAM)
        if access.kind == "parents":
            keys = foreign_keys(model)
            return any(
                self.sees(keys[f"{name}_id"], self.by_id[keys[f"{name}_id"]].get(row[f"{name}_id"]))
                for name in access.names
            )
        if deleted:
            return False  # no two rows of this company were deleted together
        for link in access.names:
            table, _, name = link.partition(".")
            child = self.registry.by_table[table].model
            if any(r[f"{name}_id"] == row["id"] and self.sees(child, r) for r in self.tables[child]):
                return True
        return False

    def seen(self, record: RecordType, *, deleted: bool = False) -> list[Row]:
        return [r for r in self.tables[record.model] if self.sees(record.model, r, deleted=deleted)]

    def one(self, field_: OneField, row: Row) -> Found | None:
        """The record at the other end of a to-one."""
        target = self.registry.records[field_.target]
        found = self.by_id[target.model].get(row[field_.column])
        return Found(target, found) if found is not None and self.sees(target.model, found) else None

    def many(self, field_: ManyField, row: Row) -> tuple[RecordType, list[Row]]:
        """The records at the other end of a to-many."""
        target = self.registry.records[field_.target]
        if field_.link is None:
            return target, [r for r in self.seen(target) if r[field_.column] == row["id"]]
        links = [r for r in self.tables[field_.link] if self.sees(field_.link, r) and r[field_.column] == row["id"]]
        linked = {r[field_.link_column] for r in links}
        return target, [r for r in self.seen(target) if r["id"] in linked]

    # ------------------------------------------------------------ fields

    def _resolve(self, source: Any, info: GraphQLResolveInfo, **given: Any) -> Any:
        name = info.field_name
        if source is None:
            return self._root(name, given)
        if isinstance(source, dict):
            return source[name]
        if isinstance(source, Page):
            return self._of_page(source, name, given)
        if isinstance(source, Group):
            return self.groups.field(source, name)
        return self._of_record(source, name, given)

    def _root(self, name: str, given: dict[str, Any]) -> Any:
        if name == "node":
            return self._node(given["id"])
        if name == "nodes":
            return [self._node(id_) for id_ in given["ids"]]
        record, answer = self.roots[name]
        return answer(record, given)

    def _node(self, text: str) -> Found | None:
        table, _, key = text.rpartition("_")
        record = self.registry.by_table.get(table)
        return self.found(record, UUID(key)) if record else None

    def found(self, record: RecordType, key: UUID) -> Found | None:
        row = self.by_id[record.model].get(key)
        return Found(record, row) if row is not None and self.sees(record.model, row) else None

    def _by_id(self, record: RecordType, given: dict[str, Any]) -> Found | None:
        return self.found(record, UUID(given["id"].rpartition("_")[2]))

    def _by_external_ref(self, record: RecordType, given: dict[str, Any]) -> Found | None:
        for ref in self._refs(record):
            if (ref["system"], ref["external_id"]) == (given["system"], given["externalId"]):
                return self.found(record, ref["record_id"])
        return None

    def _refs(self, record: RecordType) -> list[Row]:
        rows = next(rows for model, rows in self.tables.items() if model._meta.db_table == "external_ref")
        own = [
            r for r in rows
            if r["record_type"] == record.table and r["deleted_at"] is None and r["tenant_id"] == self.policy.tenant_id
        ]  # fmt: skip
        return sorted(own, key=lambda r: (r["system"], r["external_id"]))

    def _of_record(self, found: Found, name: str, given: dict[str, Any]) -> Any:
        field_, row = found.record.fields[name], found.row
        if isinstance(field_, ValueField):
            return shown(found.record, field_, row)
        if isinstance(field_, MoneyField):
            return money(row[column(field_.amount)], row[column(field_.currency)])
        if isinstance(field_, StampField):
            kind, key = row[field_.kind_column], row[field_.id_column]
            return {"kind": kind.value, "id": None if key is None else f"{kind.value.lower()}_{key}"}
        if isinstance(field_, ExternalRefsField):
            refs = [r for r in self._refs(found.record) if r["record_id"] == row["id"]]
            return [{"system": r["system"], "externalId": r["external_id"]} for r in refs]
        if isinstance(field_, OneField):
            return self.one(field_, row)
        if isinstance(field_, ManyField):
            return self._page(*self.many(field_, row), given)
        assert isinstance(field_, BatchField)
        return getattr(fragile, name.removeprefix("fragile").lower())(row["version"])

    # ------------------------------------------------------------ lists

    def _list(self, record: RecordType, given: dict[str, Any]) -> Page:
        return self._page(record, self.seen(record, deleted=bool(given.get("deleted"))), given)

    def _page(self, record: RecordType, rows: Iterable[Row], given: dict[str, Any]) -> Page:
        where = given.get("where")
        whole = self.ordered(
            record, [r for r in rows if not where or self.holds(record, r, where)], given.get("orderBy")
        )
        backward = given.get("last") is not None or given.get("before") is not None
        amount = given.get("last" if backward else "first")
        size = 50 if amount is None else amount
        cursor = given.get("before" if backward else "after")
        place = None if cursor is None else [r["id"] for r in whole].index(self.cursors[cursor])
        if backward:
            rest = whole if place is None else whole[:place]
            rows_, more = rest[max(0, len(rest) - size) :], len(rest) > size
        else:
            rest = whole if place is None else whole[place + 1 :]
            rows_, more = rest[:size], len(rest) > size
        return Page(record, rows_, whole, more, place is not None, backward)

    def _aggregate(self, record: RecordType, given: dict[str, Any]) -> list[Group]:
        return self.groups.of(record, self.seen(record), given)

    def _of_page(self, page: Page, name: str, given: dict[str, Any]) -> Any:
        if name == "aggregate":
            return self.groups.of(page.record, page.whole, given)
        if name == "totalCount":
            most = given.get("atMost")
            return len(page.whole) if most is None else min(most, len(page.whole))
        if name == "nodes":
            return [Found(page.record, r) for r in page.rows]
        cursors = [CURSOR + str(r["id"]) for r in page.rows]
        if name == "edges":
            return [{"cursor": c, "node": Found(page.record, r)} for c, r in zip(cursors, page.rows)]
        assert name == "pageInfo", name
        return {
            "hasNextPage": page.passed if page.backward else page.more,
            "hasPreviousPage": page.more if page.backward else page.passed,
            "startCursor": cursors[0] if cursors else None,
            "endCursor": cursors[-1] if cursors else None,
        }

    # ------------------------------------------------------------ filters

    def holds(self, record: RecordType, row: Row, where: dict[str, Any]) -> bool:
        """Whether everything that a filter says holds for a row."""
        return all(self._holds(record, row, name, wanted) for name, wanted in where.items())

    def _holds(self, record: RecordType, row: Row, name: str, wanted: Any) -> bool:
        if name == "and":
            return all(self.holds(record, row, w) for w in wanted)
        if name == "or":
            return any(self.holds(record, row, w) for w in wanted)
        if name == "not":
            return not self.holds(record, row, wanted)
        field_ = words.filterable(record)[name]
        if isinstance(field_, OneField):
            if name == field_.name:
                target = self.one(field_, row)
                return target is not None and self.holds(target.record, target.row, wanted)
            target_type, key = self.registry.records[field_.target], row[field_.column]
            return compared("uuid", None if key is None else f"{target_type.table}_{key}", wanted)
        if isinstance(field_, ManyField):
            target_, rows = self.many(field_, row)
            return all(self._quantified(target_, rows, q, w) for q, w in wanted.items())
        if isinstance(field_, MoneyField):
            parts = {"amount": field_.amount, "currencyCode": field_.currency}
            return all(compared(parts[part].kind, row[column(parts[part])], w) for part, w in wanted.items())
        assert isinstance(field_, ValueField)
        held = row[column(field_)]
        if field_.name == "id":
            return compared("uuid", f"{record.table}_{held}", wanted)
        return compared(field_.kind, held, wanted)

    def _quantified(self, target: RecordType, rows: Sequence[Row], quantifier: str, wanted: dict[str, Any]) -> bool:
        if quantifier == "count":
            return compared("int", len(rows), wanted)
        holding = [self.holds(target, r, wanted) for r in rows]
        return {"some": any(holding), "none": not any(holding), "every": all(holding)}[quantifier]

    # ------------------------------------------------------------ orders

    def ordered(self, record: RecordType, rows: Iterable[Row], keys: Sequence[dict[str, Any]] | None) -> list[Row]:
        """The rows in this order; the id is the last key, in the direction of the one before it."""
        wanted = [self._order_key(record, key) for key in _once(keys or ())]
        if all(read_of != "id" for _, _, _, read_of in wanted):
            wanted.append((lambda row: str(row["id"]), bool(wanted) and wanted[-1][1], False, "id"))
        found = list(rows)
        for read, descending, nulls_first, _ in reversed(wanted):
            filled = sorted((r for r in found if read(r) is not None), key=read, reverse=descending)
            empty = [r for r in found if read(r) is None]
            found = empty + filled if nulls_first else filled + empty
        return found

    def _order_key(self, record: RecordType, key: dict[str, Any]) -> tuple[Callable[[Row], Any], bool, bool, str]:
        """How a row's value is read, whether it descends, whether nulls come first, and the field of the record itself."""
        (step,) = [n for n in key if n not in ("field", "direction", "nulls")] or ["field"]
        if step != "field":
            hop = record.fields[step]
            if isinstance(hop, ManyField):
                return self._figure_of(hop, key[step]), key.get("direction") == "DESC", key.get("nulls") == "FIRST", ""
            assert isinstance(hop, OneField)
            read, descending, nulls_first, _ = self._order_key(self.registry.records[hop.target], key[step])

            def through(row: Row) -> Any:
                target = self.one(hop, row)
                return None if target is None else read(target.row)

            return through, descending, nulls_first, ""
        field_ = words.orderable(record)[key["field"]]
        return sort_value(field_), key.get("direction") == "DESC", key.get("nulls") == "FIRST", field_.name

    def _figure_of(self, many: ManyField, asked: dict[str, Any]) -> Callable[[Row], Any]:
        """How the figure of a row's children is read."""

        def read(row: Row) -> Any:
            target, rows = self.many(many, row)
            rows = [r for r in rows if self.holds(target, r, asked.get("where") or {})]
            if asked.get("count"):
                return len(rows)
            (function,) = (f for f in words.AGGREGATES if f in asked)
            known = words.summable(target) if function in ("sum", "avg") else words.comparable(target)
            found = next(f for api, f in known.items() if words.enum_name(api) == asked[function])
            value = found.amount if isinstance(found, MoneyField) else found
            if isinstance(found, MoneyField):
                rows = [r for r in rows if r[column(found.currency)] == asked["currencyCode"]]
            return figure(function, [r[column(value)] for r in rows if r[column(value)] is not None])

        return read


def _once(keys: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The keys without those that name a field again, whatever their direction: the first one decides."""
    told: dict[str, dict[str, Any]] = {}
    for key in keys:
        told.setdefault(_path_of(key), key)
    return list(told.values())


def _path_of(key: dict[str, Any]) -> str:
    (step,) = [n for n in key if n not in ("field", "direction", "nulls")] or ["field"]
    if step == "field":
        return str(key["field"])
    return str(key) if key[step].keys() & {"count", *words.AGGREGATES} else f"{step}.{_path_of(key[step])}"


def _type_name(value: Any, _info: Any, _type: Any) -> str:
    return str(value.record.name)
