"""Random queries over the whole schema: selections, fragments, directives, filters, orders, pages, groups, variables.

A query is valid by construction and asks only for what the reference knows (`KNOWN`, and the operators of reference.py);
values come from the company's own rows, so that filters find something.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from random import Random
from typing import Any, Final
from uuid import UUID

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    parse,
    validate,
)

from crmcore.query import ManyField, MoneyField, OneField, RecordType, Registry, ValueField
from crmcore.query import vocabulary as words
from tests.differential.company import Tables
from tests.differential.computed import column
from tests.differential.forms import form

ZONES: Final = ("UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu")
OPERATORS: Final = frozenset({
    "eq", "ne", "in", "notIn", "lt", "lte", "gt", "gte", "contains", "startsWith", "endsWith", "iEq", "iNe", "iIn",
    "iContains", "iStartsWith", "iEndsWith", "has", "hasAny", "hasAll", "isEmpty", "isNull",
})  # fmt: skip
LIST_ARGUMENTS: Final = ("where", "orderBy", "first", "last")
CONNECTION: Final = ("nodes", "edges", "pageInfo", "totalCount", "aggregate")
GROUP: Final = ("keys", "count", "countDistinct", "sum", "avg", "min", "max")


class Name(str):
    """An enum value: written without quotes in a document."""

    __slots__ = ()


@dataclass
class Query:
    """A document, its variables, and whether `after` may be tried on the list at the root."""

    text: str
    variables: dict[str, Any] = field(default_factory=dict)


MOST_DIRECTIVES = 50


class Queries:
    """Makes queries from one seed."""

    def __init__(self, schema: GraphQLSchema, registry: Registry, tables: Tables, random: Random) -> None:
        self.schema, self.registry, self.tables, self.random = schema, registry, tables, random

    def query(self) -> Query:
        """One more, valid and within the limits: fields of two fragments on an interface may happen to be in each other's
        way, and few queries have very many directives."""
        while (made := self._query()).text.count("@") > MOST_DIRECTIVES or validate(self.schema, parse(made.text)):
            pass
        return made

    def _query(self) -> Query:
        self.declared: list[str] = []
        self.variables: dict[str, Any] = {}
        self.fragments: list[str] = []
        roots = [self._root(f"r{n}") for n in range(self.random.choice([1, 1, 1, 2]))]
        head = f"query Q({', '.join(self.declared)})" if self.declared else "query Q"
        return Query("\n".join([f"{head} {{ {' '.join(roots)} }}", *self.fragments]), self.variables)

    # ------------------------------------------------------------ roots

    def _root(self, alias: str) -> str:
        assert self.schema.query_type is not None
        record = self.random.choice(list(self.registry.records.values()))
        kind = self.random.choice(["list", "list", "list", "one", "aggregate", "node", "nodes", "external"])
        names = {
            "list": record.root_plural, "one": record.root, "aggregate": f"{record.root}Aggregate",
            "external": f"{record.root}ByExternalRef",
        }  # fmt: skip
        name = names.get(kind, kind)
        definition = self.schema.query_type.fields[name]
        given: dict[str, Any] = {}
        if kind in ("one", "node"):
            given = {"id": self._id(record)}
        elif kind == "nodes":
            given = {"ids": [self._id(self.random.choice(list(self.registry.records.values()))) for _ in range(4)]}
        elif kind == "external":
            given = {"system": "erp", "externalId": str(self.random.randint(0, 12))}
        elif kind == "list":
            given = self.list_arguments(record)
            if "restore" in record.writes and self.random.random() < 0.1:
                given["deleted"] = True
        else:
            given = self._group_arguments(record)
            if self.random.random() < 0.5:
                given["where"] = self._where(record, 1)
        return f"{alias}: {name}{self._arguments(definition, given)}{self._selection(definition.type, 3)}"

    def list_arguments(self, record: RecordType) -> dict[str, Any]:
        """A filter, an order and a page of a list of these records, each of them or none."""
        given: dict[str, Any] = {}
        if self.random.random() < 0.6:
            given["where"] = self._where(record, 2)
        if self.random.random() < 0.6:
            given["orderBy"] = [self._order(record, 2) for _ in range(self.random.randint(1, 3))]
        way = self.random.choice(["first", "last", None])
        if way:
            given[way] = self.random.choice([0, 1, 2, 3, 5, 50])
        return given

    def _figures(self, record: RecordType | None, name: str) -> dict[str, Any]:
        if name == "totalCount" and self.random.random() < 0.3:
            return {"atMost": self.random.choice([1, 3, 100])}
        return self._group_arguments(record) if record is not None and name == "aggregate" else {}

    def _group_arguments(self, record: RecordType) -> dict[str, Any]:
        given: dict[str, Any] = {}
        if self.random.random() < 0.3:
            distinct = self.random.choice(list(words.distinguishable(record)))
            many = {self.random.choice(["gte", "lt", "ne"]): self.random.randint(0, 3)}
            given["having"] = self.random.choice([{"count": many}, {"countDistinct": {distinct: many}}])
        if self.random.random() < 0.8:
            given["groupBy"] = [self._group(record, 1) for _ in range(self.random.randint(1, 2))]
        if self.random.random() < 0.4:
            given["orderBy"] = [{"count": True, "direction": Name(self.random.choice(["ASC", "DESC"]))}]
        if self.random.random() < 0.3:
            given["first"] = self.random.choice([1, 3, 100])
        return given

    # ------------------------------------------------------------ selections

    def _selection(self, type_: Any, depth: int) -> str:
        named = get_named_type(type_)
        if is_leaf_type(named):
            return ""
        if isinstance(named, GraphQLInterfaceType):
            return self._interface(depth)
        assert isinstance(named, GraphQLObjectType)
        names = self._fields(named, depth)
        chosen = [self.random.choice(names) for _ in range(self.random.randint(1, 6))]
        parts = [self._field(named, name, depth, number) for number, name in enumerate(chosen)]
        if self.random.random() < 0.2:
            parts.insert(self.random.randint(0, len(parts)), "__typename")
        if len(parts) > 2 and self.random.random() < 0.3:
            parts[:2] = [self._fragment(named.name, " ".join(parts[:2]))]
        return f" {{ {' '.join(parts)} }}"

    def _interface(self, depth: int) -> str:
        records = self.random.sample(list(self.registry.records.values()), 2)
        inner = [f"... on {r.name}{self._selection(self.schema.get_type(r.name), max(depth - 1, 0))}" for r in records]
        return f" {{ __typename id {' '.join(inner)} }}"

    def _fields(self, type_: GraphQLObjectType, depth: int) -> list[str]:
        record = self.registry.records.get(type_.name)
        names = [name for name in type_.fields if self._known(type_, record, name)]
        leaves = [n for n in names if is_leaf_type(get_named_type(type_.fields[n].type))]
        if record is not None:
            return leaves + (names if depth > 0 else [])
        return names

    def _known(self, type_: GraphQLObjectType, record: RecordType | None, name: str) -> bool:
        if record is not None:
            return isinstance(record.fields.get(name), ValueField | MoneyField | OneField | ManyField) or name in (
                "createdBy", "externalRefs", "fragileCode", "fragileParts",
            )  # fmt: skip
        if type_.name.endswith("Connection"):
            return name in CONNECTION
        if type_.name.endswith("Aggregate"):
            return name in GROUP
        return True

    def _field(self, parent: GraphQLObjectType, name: str, depth: int, number: int) -> str:
        definition = parent.fields[name]
        record = self.registry.records.get(parent.name)
        many = record.fields.get(name) if record else None
        given: dict[str, Any] = {}
        if isinstance(many, ManyField):
            given = self.list_arguments(self.registry.records[many.target])
        elif parent.name.endswith("Connection"):
            given = self._figures(self.registry.records.get(parent.name.removesuffix("Connection")), name)
        alias = f"{name}{number}: " if given or self.random.random() < 0.3 else ""
        deeper = depth - 1 if record is not None and not is_leaf_type(get_named_type(definition.type)) else depth
        selected = self._selection(definition.type, deeper)
        if selected and not alias:
            alias = f"{name}{number}: "
        return f"{alias}{name}{self._arguments(definition, given)}{self._directive()}{selected}"

    def _fragment(self, type_name: str, parts: str) -> str:
        kind = self.random.choice(["inline", "typed", "named"])
        if kind == "inline":
            return f"...{self._directive()} {{ {parts} }}"
        if kind == "typed":
            return f"... on {type_name} {{ {parts} }}"
        name = f"F{len(self.fragments)}"
        self.fragments.append(f"fragment {name} on {type_name} {{ {parts} }}")
        return f"...{name}"

    def _directive(self) -> str:
        if self.random.random() > 0.1:
            return ""
        word, flag = self.random.choice(["skip", "include"]), self.random.random() < 0.5
        shown = self._variable("Boolean!", flag) if self.random.random() < 0.5 else json.dumps(flag)
        return f" @{word}(if: {shown})"

    # ------------------------------------------------------------ arguments

    def _arguments(self, definition: GraphQLField, given: dict[str, Any]) -> str:
        if not given:
            return ""
        shown = []
        for name, held in given.items():
            type_ = definition.args[name].type
            text = self._variable(str(type_), held) if self.random.random() < 0.4 else self._literal(type_, held)
            shown.append(f"{name}: {text}")
        return f"({', '.join(shown)})"

    def _variable(self, type_: str, held: Any) -> str:
        name = f"v{len(self.declared)}"
        self.declared.append(f"${name}: {type_}")
        self.variables[name] = held
        return f"${name}"

    def _literal(self, type_: Any, held: Any) -> str:
        """The value as it stands in a document; deep inside, a part may be a variable."""
        type_ = get_nullable_type(type_)
        if isinstance(held, dict):
            assert isinstance(type_, GraphQLInputObjectType)
            return f"{{{', '.join(f'{k}: {self._part(type_.fields[k].type, v)}' for k, v in held.items())}}}"
        if isinstance(held, list):
            inner = type_.of_type if isinstance(type_, GraphQLList) else type_
            return f"[{', '.join(self._literal(inner, item) for item in held)}]"
        return str(held) if isinstance(held, Name) else json.dumps(held, ensure_ascii=False)

    def _part(self, type_: Any, held: Any) -> str:
        if held is not None and self.random.random() < 0.15:
            return self._variable(str(type_), held)
        return self._literal(type_, held)

    # ------------------------------------------------------------ filters, orders, groups

    def _where(self, record: RecordType, depth: int) -> dict[str, Any]:
        type_ = self.schema.get_type(f"{record.name}Filter")
        assert isinstance(type_, GraphQLInputObjectType)
        known = {
            n: f
            for n, f in words.filterable(record).items()
            if isinstance(f, OneField | ManyField | MoneyField | ValueField)
        }
        found: dict[str, Any] = {}
        for _ in range(self.random.choice([1, 1, 2])):
            logic = self.random.choice(["and", "or", "not", *([""] * 7)])
            if logic and depth:
                inner = [self._where(record, depth - 1) for _ in range(self.random.randint(0, 2))]
                found[logic] = inner if logic != "not" else self._where(record, depth - 1)
                continue
            name = self.random.choice(list(known))
            condition = self._condition(record, name, known[name], type_.fields[name].type, depth)
            if condition is not None:
                found[name] = condition
        return found

    def _condition(self, record: RecordType, name: str, field_: Any, type_: Any, depth: int) -> Any:
        if isinstance(field_, OneField):
            target = self.registry.records[field_.target]
            if name != field_.name:
                return self._operators(type_, lambda: self._id(target))
            return self._where(target, depth - 1) if depth else None
        if isinstance(field_, ManyField):
            if not depth:
                return None
            word = self.random.choice(["some", "none", "every", "count"])
            if word == "count":
                return {"count": {self.random.choice(["eq", "gte", "lt"]): self.random.randint(0, 3)}}
            return {word: self._where(self.registry.records[field_.target], depth - 1)}
        if isinstance(field_, MoneyField):
            inner = get_nullable_type(type_)
            assert isinstance(inner, GraphQLInputObjectType)
            part, value = self.random.choice([("amount", field_.amount), ("currencyCode", field_.currency)])
            return {part: self._operators(inner.fields[part].type, lambda: self._held(record, column(value)))}
        if field_.name == "id":
            return self._operators(type_, lambda: self._id(record))
        return self._operators(type_, lambda: self._held(record, column(field_)))

    def _operators(self, type_: Any, pick: Any) -> dict[str, Any]:
        inner = get_nullable_type(type_)
        assert isinstance(inner, GraphQLInputObjectType)
        known = [name for name in inner.fields if name in OPERATORS]
        found: dict[str, Any] = {}
        for name in self.random.sample(known, min(len(known), self.random.choice([1, 1, 2]))):
            if name in ("isNull", "isEmpty"):
                found[name] = self.random.random() < 0.5
            elif isinstance(get_nullable_type(inner.fields[name].type), GraphQLList):
                picked = [self._flat(pick(), inner.fields[name].type) for _ in range(self.random.randint(0, 3))]
                found[name] = [p for p in picked if p is not None]
            else:
                held = self._flat(pick(), inner.fields[name].type)
                if held is None and name not in ("eq", "ne"):
                    continue
                if isinstance(held, str) and name.lower().endswith(("contains", "with")):
                    held = held[: self.random.randint(0, 3)]
                found[name] = held
        return found

    @staticmethod
    def _flat(held: Any, type_: Any) -> Any:
        """One value, as the operand's type writes it."""
        if isinstance(held, list):
            held = held[0] if held else None
        return Name(held) if held is not None and isinstance(get_named_type(type_), GraphQLEnumType) else held

    def _order(self, record: RecordType, depth: int) -> dict[str, Any]:
        hops = words.hops(record)
        found: dict[str, Any]
        if hops and depth and self.random.random() < 0.3:
            name = self.random.choice(list(hops))
            return {name: self._order(self.registry.records[hops[name].target], depth - 1)}
        many = words.measured(record)
        if many and self.random.random() < 0.2:
            name = self.random.choice(list(many))
            found = {name: self._figure(self.registry.records[many[name].target])}
        else:
            found = {"field": Name(self.random.choice(list(words.orderable(record))))}
        if self.random.random() < 0.5:
            found["direction"] = Name(self.random.choice(["ASC", "DESC"]))
        if self.random.random() < 0.4:
            found["nulls"] = Name(self.random.choice(["FIRST", "LAST"]))
        return found

    def _figure(self, target: RecordType) -> dict[str, Any]:
        function = self.random.choice(["count", *words.AGGREGATES])
        known = words.summable(target) if function in ("sum", "avg") else words.comparable(target)
        found: dict[str, Any] = {"count": True}
        if function != "count" and known:
            name = self.random.choice(list(known))
            found = {function: Name(words.enum_name(name))}
            if isinstance(known[name], MoneyField):
                found["currencyCode"] = self.random.choice(["EUR", "USD", "CHF"])
        if self.random.random() < 0.3:
            found["where"] = self._where(target, 1)
        return found

    def _group(self, record: RecordType, depth: int) -> dict[str, Any]:
        hops = words.hops(record)
        if hops and depth and self.random.random() < 0.3:
            name = self.random.choice(list(hops))
            return {name: self._group(self.registry.records[hops[name].target], depth - 1)}
        known = words.groupable(record)
        name = self.random.choice(list(known))
        found: dict[str, Any] = {"field": Name(name)}
        kind = "" if isinstance(known[name], OneField) else known[name].kind
        if kind in ("date", "datetime") and self.random.random() < 0.8:
            found["dateGrain"] = Name(self.random.choice(["DAY", "WEEK", "MONTH", "QUARTER", "YEAR"]))
        if kind == "datetime" and "dateGrain" in found:
            found |= self.random.choice([{}, {"timeZone": self.random.choice(ZONES)}, {"dateGrain": Name("HOUR")}])
        return found

    # ------------------------------------------------------------ values

    def _id(self, record: RecordType) -> str:
        rows: Sequence[Any] = self.tables[record.model]
        key = (
            self.random.choice(rows)["id"]
            if rows and self.random.random() < 0.9
            else UUID(int=self.random.getrandbits(128))
        )
        return f"{record.table}_{key}"

    def _held(self, record: RecordType, key: str) -> Any:
        rows = self.tables[record.model]
        held = self.random.choice(rows)[key]
        if isinstance(held, Decimal | datetime | date):
            return form(held)
        return held.value if isinstance(held, Enum) else form(held)
