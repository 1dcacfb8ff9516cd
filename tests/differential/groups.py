"""Groups and their figures, as an aggregate answers them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from crmcore.query import MoneyField, OneField, RecordType, ValueField
from crmcore.query import vocabulary as words
from tests.differential.company import Row
from tests.differential.computed import column, figure
from tests.differential.forms import compared, decimal, form, money, plain

if TYPE_CHECKING:
    from tests.differential.reference import Found, Reference


@dataclass(frozen=True)
class Group:
    record: RecordType
    rows: Sequence[Row]
    keys: Sequence[tuple[str, Any, Found | None, RecordType | None]]


@dataclass(frozen=True)
class Groups:
    """What the reference answers where groups are asked for."""

    reference: Reference

    def of(self, record: RecordType, seen: Sequence[Row], given: dict[str, Any]) -> list[Group]:
        where = given.get("where")
        rows = [r for r in seen if not where or self.reference.holds(record, r, where)]
        wanted = [self._group_key(record, key, ()) for key in given.get("groupBy") or ()]
        parts: dict[tuple[Any, ...], list[Row]] = {} if wanted else {(): []}
        for row in rows:
            parts.setdefault(tuple(plain(read(row)) for _, read, _ in wanted), []).append(row)
        groups = [Group(record, rows_, [self._key(*w, rows_[0]) for w in wanted]) for rows_ in parts.values()]
        groups = [g for g in groups if self._holds(g, given.get("having") or {})]
        groups.sort(
            key=lambda g: [_last(held if target is None else held and str(held)) for _, held, _, target in g.keys]
        )
        for order in reversed(given.get("orderBy") or ()):
            read = self._group_order(record, order)
            filled = [g for g in groups if read(g) is not None]
            empty = [g for g in groups if read(g) is None]
            filled = (
                sorted(filled, key=read) if order.get("direction") != "DESC" else sorted(filled, key=read, reverse=True)
            )
            groups = empty + filled if order.get("nulls") == "FIRST" else filled + empty
        return groups[: 50 if given.get("first") is None else given["first"]]

    def _group_key(self, record: RecordType, key: dict[str, Any], path: tuple[str, ...]) -> tuple[str, Any, Any]:
        (step,) = [n for n in key if n not in ("dateGrain", "timeZone")]
        part = key[step]
        if step != "field":
            hop = record.fields[step]
            assert isinstance(hop, OneField)
            name, read, target = self._group_key(self.reference.registry.records[hop.target], part, (*path, step))

            def through(row: Row) -> Any:
                found = self.reference.one(hop, row)
                return None if found is None else read(found.row)

            return name, through, target
        field_ = words.groupable(record)[part]
        name = ".".join((*path, field_.name))
        if isinstance(field_, OneField):
            one = field_
            return (
                name,
                lambda row: None if (f := self.reference.one(one, row)) is None else f.row["id"],
                self.reference.registry.records[one.target],
            )
        held = column(field_)
        grain, zone = key.get("dateGrain"), key.get("timeZone") or "UTC"
        return name, lambda row: period(row[held], grain, zone), None

    def _holds(self, group: Group, having: dict[str, Any]) -> bool:
        if "count" in having and not compared("int", len(group.rows), having["count"]):
            return False
        distinct = having.get("countDistinct") or {}
        return all(compared("int", self._distinct(group)[name], wanted) for name, wanted in distinct.items())

    def _distinct(self, group: Group) -> dict[str, int]:
        found = {}
        for name, field_ in words.distinguishable(group.record).items():
            if isinstance(field_, OneField):
                targets = [self.reference.one(field_, row) for row in group.rows]
                found[name] = len({t.row["id"] for t in targets if t is not None})
            else:
                held = {plain(row[column(field_)]) for row in group.rows}
                found[name] = len(held - {None})
        return found

    def _key(self, name: str, read: Any, target: RecordType | None, row: Row) -> Any:
        held = read(row)
        found = self.reference.found(target, held) if target is not None and held is not None else None
        return name, held, found, target

    def field(self, group: Group, name: str) -> Any:
        if name == "count":
            return len(group.rows)
        if name == "keys":
            return [
                {"field": n, "value": _key_text(held, target), "record": found} for n, held, found, target in group.keys
            ]
        if name == "countDistinct":
            return self._distinct(group)
        known = words.summable(group.record) if name in ("sum", "avg") else words.comparable(group.record)
        return {api: self._figure(group.rows, name, f) for api, f in known.items()}

    def _figure(self, rows: Sequence[Row], function: str, field_: ValueField | MoneyField) -> Any:
        if isinstance(field_, MoneyField):
            per: dict[str, list[Row]] = {}
            for row in rows:
                if row[column(field_.amount)] is not None:
                    per.setdefault(row[column(field_.currency)], []).append(row)
            return [money(figure(function, [r[column(field_.amount)] for r in per[c]]), c) for c in sorted(per)]
        made = figure(function, [r[column(field_)] for r in rows if r[column(field_)] is not None])
        if made is None:
            return None
        return decimal(made) if function in ("sum", "avg") else form(made)

    def _group_order(self, record: RecordType, order: dict[str, Any]) -> Callable[[Group], Any]:
        if order.get("count"):
            return lambda group: len(group.rows)
        (function,) = (f for f in words.AGGREGATES if order.get(f) is not None)
        known = words.summable(record) if function in ("sum", "avg") else words.comparable(record)
        field_ = next(f for api, f in known.items() if words.enum_name(api) == order[function])
        value = field_.amount if isinstance(field_, MoneyField) else field_
        return lambda group: figure(function, [r[column(value)] for r in group.rows if r[column(value)] is not None])


def period(held: Any, grain: str | None, zone: str) -> Any:
    """The first day of the period of a day or an instant, by the calendar of the zone; of an HOUR the instant."""
    if held is None or grain is None:
        return held
    if isinstance(held, datetime):
        if grain == "HOUR":
            return held.replace(minute=0, second=0, microsecond=0)
        held = held.astimezone(ZoneInfo(zone)).date()
    return {
        "DAY": held,
        "WEEK": held - timedelta(days=held.weekday()),
        "MONTH": held.replace(day=1),
        "QUARTER": held.replace(month=(held.month - 1) // 3 * 3 + 1, day=1),
        "YEAR": held.replace(month=1, day=1),
    }[grain]


def _last(held: Any) -> tuple[bool, Any]:
    return (held is None, 0 if held is None else plain(held))


def _key_text(held: Any, target: RecordType | None) -> str | None:
    if held is None:
        return None
    if target is not None:
        return f"{target.table}_{held}"
    if isinstance(held, bool):
        return "true" if held else "false"
    return str(form(held))
