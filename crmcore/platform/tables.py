"""What a table has beside its columns: indexes, unique ones among the living, and checks.

A model declares its own in `Meta.indexes` and `Meta.constraints`. From its columns follow one for each foreign key and
one for the plain list; from its rules the unique ones. All begin with the tenant. Migrations and the verification of
the schema both read `indexes_of`, so what is declared is what must exist.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from crmcore.kit.sql import Dialect, ident

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


class WordsIndex(Index):
    """The index that finds rows by words: texts of words with spaces between them, and a JSON object of such texts.

    PostgreSQL has it as GIN over exactly these words. SQLite as a full-text table `<table>_words` which triggers keep,
    without a copy of the text, known by the row's integer key.
    """

    INDEX_TYPE = "WORDS"

    @staticmethod
    def words(columns: Sequence[str], alias: str, dialect: Dialect) -> str:
        """The words of a row: what PostgreSQL's index holds, and what SQLite's table is given."""
        text, parts = (f"{alias}.{ident(c)}" if alias else ident(c) for c in columns)
        if dialect == "sqlite":
            more = f"(SELECT group_concat(value, ' ') FROM json_each({parts}))"
            return f"{text} || ' ' || coalesce({more}, '')"
        more = f"coalesce(jsonb_path_query_array({parts}, '$.*')::text, '')"
        spaced = f"translate({text}::text || {more}, '[]\",', '    ')"
        return f"array_to_tsvector(array_remove(string_to_array({spaced}, ' '), ''))"

    @classmethod
    def create(cls, table: str, name: str, columns: Sequence[str], dialect: Dialect) -> str:
        """The statements that make it."""
        if dialect == "postgres":
            return f"CREATE INDEX {ident(name)} ON {ident(table)} USING GIN (({cls.words(columns, '', dialect)}))"
        held = ident(cls.beside(table))
        options = "content='', contentless_delete=1, detail=none, tokenize=\"ascii tokenchars '@.+-'\""
        words, key = cls.words(columns, "new", dialect), ", ".join(map(ident, columns))
        return (
            f"CREATE VIRTUAL TABLE {held} USING fts5(words, {options});"
            f"CREATE TRIGGER {ident(f'{name}_insert')} AFTER INSERT ON {ident(table)} BEGIN "
            f"INSERT INTO {held} (rowid, words) VALUES (new.id, {words}); END;"
            f"CREATE TRIGGER {ident(f'{name}_update')} AFTER UPDATE OF {key} ON {ident(table)} BEGIN "
            f"UPDATE {held} SET words = {words} WHERE rowid = new.id; END;"
            f"CREATE TRIGGER {ident(f'{name}_delete')} AFTER DELETE ON {ident(table)} BEGIN "
            f"DELETE FROM {held} WHERE rowid = old.id; END;"
        )

    @classmethod
    def drop(cls, table: str, name: str) -> str:
        """The statements that take it away on SQLite."""
        triggers = "".join(f"DROP TRIGGER IF EXISTS {ident(f'{name}_{on}')};" for on in ("insert", "update", "delete"))
        return f"{triggers}DROP TABLE {ident(cls.beside(table))};"

    @staticmethod
    def beside(table: str) -> str:
        """SQLite's full-text table."""
        return f"{table}_words"


class FilledIndex(Index):
    """An index of the rows that have a value in `filled`, one of its columns."""

    def __init__(self, *, fields: tuple[str, ...] | list[str], name: str, filled: str) -> None:
        super().__init__(fields=fields, name=name)
        self.filled = filled
        self.extra = f" WHERE {filled} IS NOT NULL"

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, args, {**kwargs, "filled": self.filled}


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
        uniques = getattr(getattr(model, "special", None), "unique", ())
        if uniques:  # an upsert also looks for what is deleted, which is little among much
            fields = ("tenant_id", "deletion_id")
            found.append(FilledIndex(fields=fields, name=_name(table, fields), filled="deletion_id"))
        for unique in uniques:
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
