"""What one compilation works with: aliases, the predicate of every table, limits, and what it found on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from graphql import GraphQLSchema
from tortoise.models import Model

from crmcore.errors import Forbidden
from crmcore.kit.sql import Bind, Sql, ident
from crmcore.platform.predicates import predicate, readable, shown_by_child, shown_by_parent
from crmcore.query.arguments import Questions
from crmcore.query.cursors import Binding
from crmcore.query.dialects import DIALECTS, Dialect
from crmcore.query.mapping import BatchField, ManyField, RecordType, Registry
from crmcore.query.selection import Selected, Selection

EACH: Final = None
"""In a place: every item of a list."""

Place = tuple[str | int | None, ...]
"""Where rows are in an answer: response keys, places in a list of known length, and EACH for every item of a list."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one read may ask for. `filter_depth` counts relations in a filter, `filter_conditions` everything."""

    page_default: int = 50
    page_max: int = 200
    groups_default: int = 50
    groups_max: int = 1000
    ids_max: int = 200
    filter_depth: int = 4
    filter_conditions: int = 200


@dataclass(slots=True)
class Table:
    """One use of a table in a statement: of its living rows, or of the `deleted` ones. `used` collects the columns that
    are wanted outside of its page."""

    alias: str
    model: type[Model]
    deleted: bool = False
    used: dict[str, None] = field(default_factory=dict)

    def ref(self, column: str) -> str:
        """The column, where the table itself is in sight (WHERE, ORDER BY)."""
        return f"{self.alias}.{ident(column)}"

    def col(self, column: str) -> str:
        """The column in what is selected: a page hands it out."""
        self.used[column] = None
        return f"{self.alias}.{ident(column)}"

    @property
    def source(self) -> str:
        """`"customer" c1`."""
        return f"{ident(self.model._meta.db_table)} {self.alias}"

    @property
    def columns(self) -> str:
        """The columns that are wanted, for the inner select of a page."""
        return ", ".join(f"{self.alias}.{ident(c)}" for c in self.used) or '1 AS "~"'


@dataclass(frozen=True, slots=True)
class Named:
    """Two expressions that name a record: its table's name, and its key."""

    table: str
    id: str


@dataclass(frozen=True, slots=True)
class BatchSpec:
    """A batch field of a selection: the rows at `place` get its value under each of `selected`'s keys. Where records of
    several types stand at one place, `mark` tells those of this selection: their hidden columns have it."""

    place: Place
    mark: int
    record: RecordType
    field: BatchField
    selected: tuple[Selected, ...]


class Scope:
    """One compilation. `cursors` are what the lists are bound to whose cursors are in the answer; `filled` are the
    columns that have a value in every row which their filter finds; `plugins` are those with SQL of their own."""

    def __init__(
        self,
        registry: Registry,
        schema: GraphQLSchema,
        dialect: Dialect,
        questions: Questions,
        selection: Selection,
        limits: Limits,
        policy: Any,
    ) -> None:
        self.registry = registry
        self.schema = schema
        self.dialect = dialect
        self.questions = questions
        self.selection = selection
        self.limits = limits
        self.policy = policy
        self.cursors: list[Binding] = []
        self.batches: list[BatchSpec] = []
        self.filled: set[str] = set()
        self.plugins: set[str] = set()
        self.conditions = 0
        self._aliases = 0

    def alias(self, stem: str) -> str:
        """A name that no other part of the statement has."""
        self._aliases += 1
        return f"{stem}{self._aliases}"

    def table(self, model: type[Model], *, reached: bool = False) -> Table:
        """A new use of a table; `reached` as in `guard`. Forbidden if the caller may not read its records at all."""
        if not readable(self.policy, model, reached=reached):
            raise Forbidden(f"You may not read {model._meta.db_table} records.")
        return Table(self.alias(model._meta.db_table[0]), model)

    def may_read(self, model: type[Model]) -> bool:
        """Whether the caller may read records of this model at all."""
        return readable(self.policy, model)

    def readable_records(self) -> list[RecordType]:
        """The kinds of records that the caller may read at all: what is asked of records of any kind is answered for
        those, and null for others."""
        return [record for record in self.registry.records.values() if readable(self.policy, record.model)]

    def record_table(self, record: RecordType, *, reached: bool = False) -> Table:
        return self.table(record.model, reached=reached)

    def guard(self, table: Table, *, reached: bool = False) -> Sql:
        """The rows of a table that the caller may see: of the tenant, living (or deleted), within the policy."""
        return predicate(
            self.policy, table.model, table.alias, self.dialect.name, reached=reached, deleted=table.deleted
        )

    def external_refs(self, record: RecordType) -> tuple[str, Sql]:
        """A use of the table of external ids: its alias, and its living rows about records of this type."""
        ref = self.alias("x")
        tenant = uuid_bind(lambda run: run.context.policy.tenant_id, self.dialect, "tenant")
        return ref, Sql(
            f' FROM "external_ref" {ref} WHERE {ref}."tenant_id" = ', tenant,
            f" AND {ref}.\"deleted_at\" IS NULL AND {ref}.\"record_type\" = '{record.table}' AND ",
        )  # fmt: skip

    def related(self, table: Table, many: ManyField) -> tuple[Table, Sql]:
        """The other side of a to-many relation, and the condition that ties it to a row of `table`, guarded.

        `table` is guarded where it is read: what its living rows make visible is not asked again.
        """
        record = self.registry.records[many.target]
        target = self.record_table(record, reached=bool(many.kind_column))
        if many.kind_column:
            kind = table.model._meta.db_table
            tie = f"{target.ref(many.kind_column)} = '{kind}' AND {target.ref(many.column)} = {table.col('id')} AND "
            return target, Sql(tie, self.guard(target, reached=True))
        if many.link is None:
            reached = not table.deleted and shown_by_parent(target.model, many.column, table.model)
            tie = f"{target.ref(many.column)} = {table.col('id')} AND "
            return target, Sql(tie, self.guard(target, reached=reached))
        link = self.table(many.link)
        reached = not table.deleted and shown_by_parent(link.model, many.column, table.model)
        linked = Sql(
            f"{target.ref('id')} IN (SELECT {link.ref(many.link_column)} FROM {link.source} "
            f"WHERE {link.ref(many.column)} = {table.col('id')} AND ",
            self.guard(link, reached=reached),
            ")",
        )
        reached = shown_by_child(target.model, link.model, many.link_column)
        return target, Sql(linked, " AND ", self.guard(target, reached=reached))


def uuid_bind(get: Any, dialect: Dialect, key: str | None = None) -> Bind:
    """A UUID that the run supplies, as a parameter."""
    if dialect.name == "postgres":
        return Bind(get, "uuid", key)

    def text(run: Any) -> str | None:
        found: UUID | None = get(run)
        return None if found is None else str(found)

    return Bind(text, "", key)


__all__ = ["DIALECTS", "EACH", "BatchSpec", "Limits", "Named", "Place", "Scope", "Table", "uuid_bind"]
