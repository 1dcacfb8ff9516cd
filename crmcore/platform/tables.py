"""What a table has beside its columns: indexes, unique ones among the living, and checks.

A model declares its own in `Meta.indexes` and `Meta.constraints`. From its columns follow one for each foreign key and
one for the plain list; from its rules the unique ones. All begin with the tenant. Migrations and the verification of
the schema both read `indexes_of`, so what is declared is what must exist.
"""

from __future__ import annotations

import hashlib
from typing import Any

from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

LIVING = "deleted_at IS NULL"


class UniqueIndex(Index):
    """A unique index, by its columns; with `where`, among the rows for which that condition holds."""

    INDEX_TYPE = "UNIQUE"  # read by the migration runner's schema editors; Tortoise's own would take it for a method

    def __init__(self, *, fields: tuple[str, ...] | list[str], name: str, where: str = "") -> None:
        super().__init__(fields=fields, name=name)
        self.where = where
        self.extra = f" WHERE {where}" if where else ""

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, args, {**kwargs, "where": self.where} if self.where else kwargs


def exactly_one(table: str, *columns: str) -> CheckConstraint:
    """A check for `Meta.constraints`: exactly one of the columns has a value."""
    count = " + ".join(f"(CASE WHEN {column} IS NULL THEN 0 ELSE 1 END)" for column in columns)
    return CheckConstraint(name=f"ck_{table}_one_{'_'.join(columns)}", check=f"{count} = 1")


def columns_of(model: type[Model]) -> list[str]:
    """The table's columns in their order."""
    return list(model._meta.fields_db_projection.values())


def foreign_keys(model: type[Model]) -> dict[str, type[Model]]:
    """Each foreign key column and the model that it names."""
    found: dict[str, type[Model]] = {}
    for name in sorted(model._meta.fk_fields):
        field: Any = model._meta.fields_map[name]
        found[str(field.source_field or f"{name}_id")] = field.related_model
    return found


def indexes_of(model: type[Model]) -> list[Index]:
    """Every index that the table must have, named; the primary key apart."""
    table = model._meta.db_table
    found = [_named(table, index) for index in model._meta.indexes or ()]
    if "tenant_id" in columns_of(model) and "deleted_at" in columns_of(model):
        begun = {tuple(index.fields[:2]) for index in found if index.INDEX_TYPE != "UNIQUE"}
        wanted = [("tenant_id", "id"), *(("tenant_id", key, "id") for key in foreign_keys(model))]
        found += [_named(table, fields) for fields in wanted if fields[:2] not in begun]
        for unique in getattr(getattr(model, "special", None), "unique", ()):
            where = f"{LIVING} AND {unique.where}" if unique.where else LIVING
            found.append(UniqueIndex(fields=("tenant_id", *unique.columns), name=unique.index_name(table), where=where))
    return found


def _named(table: str, declared: Index | tuple[str, ...] | list[str]) -> Index:
    if isinstance(declared, Index):
        if not declared.name:
            declared.name = _name(table, declared.fields)
        return declared
    return Index(fields=tuple(declared), name=_name(table, declared))


def _name(table: str, fields: Any) -> str:
    """`ix_deal_customer_id`: without the tenant in front and the id behind; cut to what PostgreSQL keeps of a name."""
    told = [f for f in fields if f != "tenant_id"]
    name = f"ix_{table}_{'_'.join(told[:-1] if len(told) > 1 and told[-1] == 'id' else told)}"
    return name if len(name) <= 63 else f"{name[:54]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
