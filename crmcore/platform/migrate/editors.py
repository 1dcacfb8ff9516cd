"""Tortoise's schema editors, on our transactions and without their losses.

SQLite's table rebuild drops the indexes of the table, so they are made again; a column is dropped in place instead of
by a rebuild, which cannot drop a foreign key. Unique indexes with a condition, and checks of new tables, exist on both.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from tortoise.backends.asyncpg.client import AsyncpgDBClient
from tortoise.backends.sqlite.client import SqliteClient
from tortoise.fields.relational import ManyToManyFieldInstance
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint
from tortoise.migrations.schema_editor.asyncpg import AsyncpgSchemaEditor
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_editor.sqlite import SqliteSchemaEditor
from tortoise.models import Model

from crmcore.kit.sql import Dialect, Statement, ident, value
from crmcore.platform.database import Transaction
from crmcore.platform.tables import WordsIndex


class Client:
    """What Tortoise's operations expect of a connection, on one of our transactions."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx
        self.capabilities = SqliteClient.capabilities if tx.dialect == "sqlite" else AsyncpgDBClient.capabilities

    async def execute_script(self, script: str) -> None:
        """Several statements, divided by semicolons."""
        for statement in _statements(script) if self.tx.dialect == "sqlite" else (script,):
            await self.tx.execute(Statement(statement))

    async def execute_query(self, text: str, values: Sequence[Any] | None = None) -> tuple[int, list[dict[str, Any]]]:
        """Rows and their number."""
        rows = await self.execute_query_dict(text, values)
        return len(rows), rows

    async def execute_query_dict(self, text: str, values: Sequence[Any] | None = None) -> list[dict[str, Any]]:
        """Rows as dicts. Placeholders are the database's own: `?` on SQLite, `$1` on PostgreSQL."""
        rows = await self.tx.fetch(Statement(text, tuple(value(v) for v in values or ())))
        return [{name: row[name] for name in row.keys()} for row in rows]  # noqa: SIM118  a driver's row, not a dict


def editor_for(tx: Transaction) -> BaseSchemaEditor:
    """The schema editor of one migration."""
    client: Any = Client(tx)
    return _Sqlite(client) if tx.dialect == "sqlite" else _Postgres(client)


def collecting_editor(tx: Transaction) -> BaseSchemaEditor:
    """One that only collects (`collected_sql`) what it would run."""
    editor = editor_for(tx)
    editor.collect_sql = True
    return editor


class _Editor(BaseSchemaEditor):
    _checks: tuple[CheckConstraint, ...] = ()
    _dialect: ClassVar[Dialect]

    async def _run_sql(self, sql: str) -> None:
        if self.collect_sql:
            self.collected_sql.append(sql)
        else:
            await self.client.execute_script(sql)

    def _get_index_sql(
        self,
        model: type[Model],
        field_names: Sequence[str],
        safe: bool = False,
        index_name: str | None = None,
        index_type: str | None = None,
        extra: str | None = None,
    ) -> str:
        if index_type == "UNIQUE":
            columns = ", ".join(ident(name) for name in field_names)
            return f"CREATE UNIQUE INDEX {ident(index_name or '')} ON {ident(model._meta.db_table)} ({columns}){extra};"
        if index_type == "WORDS":
            return WordsIndex.create(model._meta.db_table, index_name or "", field_names, self._dialect)
        return super()._get_index_sql(model, list(field_names), safe, index_name, index_type, extra)

    def _get_inner_statements(self) -> list[str]:
        return [self.CHECK_CONSTRAINT_CREATE_TEMPLATE.format(name=c.name, check=c.check) for c in self._checks]

    async def create_model(self, model: type[Model]) -> None:
        self._checks = tuple(c for c in model._meta.constraints or () if isinstance(c, CheckConstraint))
        try:
            await super().create_model(model)
        finally:
            self._checks = ()


class _Postgres(_Editor, AsyncpgSchemaEditor):
    _dialect = "postgres"


class _Sqlite(_Editor, SqliteSchemaEditor):
    _dialect = "sqlite"

    async def remove_field(self, model: type[Model], field: Any) -> None:
        if isinstance(field, ManyToManyFieldInstance):
            await super().remove_field(model, field)
            return
        column = field.source_field or field.model_field_name
        table = model._meta.db_table
        for name, _, columns in await self._parts(table):
            if column in columns:
                await self._run_sql(f"DROP INDEX {ident(name)}")
        await self._run_sql(f"ALTER TABLE {ident(table)} DROP COLUMN {ident(column)}")

    async def remove_index(self, model: type[Model], index: Index) -> None:
        if isinstance(index, WordsIndex):
            await self._run_sql(WordsIndex.drop(model._meta.db_table, str(index.name)))
            return
        await super().remove_index(model, index)

    async def delete_model(self, model: type[Model]) -> None:
        for index in model._meta.indexes or ():
            if isinstance(index, WordsIndex):
                await self.remove_index(model, index)
        await super().delete_model(model)

    async def _remake_table(
        self, model: type[Model], create_field: Any = None, delete_field: Any = None, alter_fields: Any = None
    ) -> None:
        table = model._meta.db_table
        before = await self._parts(table)
        await super()._remake_table(model, create_field, delete_field, alter_fields)
        kept = {name for name, _, _ in await self._parts(table)}
        for name, text, _ in before:
            if name not in kept:
                await self._again(text)

    async def _again(self, text: str) -> None:
        """Make an index or trigger again. One that names a column which is gone went with it; the check at the end of
        the run tells if the models still want it.
        """
        try:
            await self._run_sql(text)
        except sqlite3.OperationalError as error:
            if "no such column" not in str(error):
                raise

    async def _parts(self, table: str) -> list[tuple[str, str, set[str]]]:
        """The table's indexes and triggers: name, text, columns."""
        found = await self.client.execute_query_dict(
            "SELECT name, sql, (SELECT group_concat(i.name, char(10)) FROM pragma_index_info(m.name) i) AS columns "
            "FROM sqlite_master m WHERE tbl_name = ? AND type IN ('index', 'trigger') AND sql IS NOT NULL",
            [table],
        )
        return [(row["name"], row["sql"], set((row["columns"] or "").split("\n"))) for row in found]


def _statements(script: str) -> Iterator[str]:
    """The statements of a script; a semicolon in a text or in a trigger divides nothing."""
    statement = ""
    for piece in script.split(";"):
        statement += piece + ";"
        if sqlite3.complete_statement(statement):
            if statement.strip(" \n\t;"):
                yield statement.strip()
            statement = ""
    if statement.strip(" \n\t;"):
        yield statement.strip().removesuffix(";")
