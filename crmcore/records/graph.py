"""How records hang together: who names whom, what is a part of what, and which table is filled first."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from tortoise.models import Model

from crmcore.kit.sql import Statement
from crmcore.kit.text import camel
from crmcore.platform.record import Record


@dataclass(frozen=True, slots=True)
class Key:
    """A foreign key: rows of `model` whose `column` names a `target`. `on_delete` is CASCADE, RESTRICT or SET NULL."""

    model: type[Record]
    column: str
    target: type[Record]
    on_delete: str
    nullable: bool

    @property
    def name(self) -> str:
        """The API's name: `customerId`."""
        return camel(self.column)


@cache
def keys_of(model: type[Record]) -> tuple[Key, ...]:
    """The foreign keys of a record, by column name. The models must have been linked up (platform/metadata.py)."""
    fields: Mapping[str, Any] = model._meta.fields_map
    found = []
    for name in sorted(model._meta.fk_fields):
        field = fields[name]
        if isinstance(field.related_model, type) and issubclass(field.related_model, Record):
            column = str(field.source_field or f"{name}_id")
            found.append(Key(model, column, field.related_model, str(field.on_delete), bool(fields[column].null)))
    return tuple(found)


class RecordGraph:
    """All records of an app, the core's and its plugins', by table. Made once, when the app is made.

    `statements` keeps the texts of the write engine, which depend on the models alone. `append_only` names the tables
    whose records follow from commands on others: no input takes values for them.
    """

    def __init__(self, models: Iterable[type[Model]], append_only: Collection[str] = ()) -> None:
        records = sorted((m for m in models if issubclass(m, Record)), key=lambda m: m._meta.db_table)
        self.tables: dict[str, type[Record]] = {m._meta.db_table: m for m in records}
        self._naming: dict[type[Record], tuple[Key, ...]] = {
            m: tuple(key for other in records for key in keys_of(other) if key.target is m) for m in records
        }
        self.statements: dict[Hashable, Statement] = {}
        self.append_only = frozenset(append_only)
        self._rank = {model: rank for rank, model in enumerate(_parents_first(records))}

    def naming(self, model: type[Record]) -> tuple[Key, ...]:
        """The foreign keys, of any record, that name this one."""
        return self._naming[model]

    def rank(self, model: type[Record]) -> int:
        """Records with a lower rank are inserted first. Where two name each other, a nullable key gives way."""
        return self._rank[model]


def graph_of(models: Mapping[str, Mapping[str, type[Model]]], append_only: Collection[str] = ()) -> RecordGraph:
    """The graph of what `load_models` returned."""
    return RecordGraph((model for app in models.values() for model in app.values()), append_only)


def _parents_first(records: list[type[Record]]) -> list[type[Record]]:
    """Targets before those that name them. A ring is entered where fewest keys are open, required ones first."""
    waiting, placed = list(records), []
    while waiting:
        reach = {model: _reach(model, waiting) for model in waiting}
        ready = [m for m in waiting if all(m in reach[target] for target in reach[m])]
        following = min(ready, key=lambda m: _open(m, waiting))
        waiting.remove(following)
        placed.append(following)
    return placed


def _open(model: type[Record], waiting: list[type[Record]]) -> tuple[int, int]:
    keys = [key for key in keys_of(model) if key.target is not model and key.target in waiting]
    return sum(not key.nullable for key in keys), len(keys)


def _reach(model: type[Record], waiting: list[type[Record]]) -> set[type[Record]]:
    """All that the record names, directly or not, among those that wait."""
    found: set[type[Record]] = set()
    todo = [model]
    while todo:
        for key in keys_of(todo.pop()):
            if key.target in waiting and key.target not in found:
                found.add(key.target)
                todo.append(key.target)
    return found
