"""What every field of the graph is in the database: the registry that both the schema and the compiler read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from tortoise.models import Model

from crmcore.kit.text import plural
from crmcore.platform.fields import Column as ColumnType
from crmcore.platform.record import Record, Rules
from crmcore.query.declare import Aggregate, BatchFunction, Moment, Write

EnumClass = type[StrEnum]
ModelClass = type[Model]
"""A table as it is declared: a record's or a log's."""

Writable = str
"""When a field may be written: "always", "create" or "never"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMap:
    """One field of a record type. `name` is the API's; `required` says that a create must have a value for it."""

    name: str
    description: str
    nullable: bool = True
    writable: Writable = "never"
    required: bool = False
    plugin: str = ""
    deprecated: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueField(FieldMap):
    """A field that is one value of a row: values.py makes SQL of it, and filters, orders, groups and selections work
    with that. `annotation` is the Python type of what a Json column holds: a list, or FreeData."""

    type: ColumnType
    enum: EnumClass | None = None
    annotation: Any = None

    @property
    def kind(self) -> str:
        """What its values are, as platform/fields.py names it."""
        return self.type.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnField(ValueField):
    """A column. `folded` is the column that compares it without case and accents, where there is one."""

    column: str
    folded: str | None = None


Template = tuple[str, ...]
"""SQL text; at odd places, the name of a column or a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpressionField(ValueField):
    """A computed value: an expression on the record's columns for each database."""

    sql: Mapping[str, Template]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionField(FieldMap):
    """A filter that is no field: a condition for each database, on the record's columns and a value of the client's.
    `target` is the record whose id that is, for kind "uuid"."""

    sql: Mapping[str, Template]
    type: ColumnType
    enum: EnumClass | None = None
    target: str = ""

    @property
    def kind(self) -> str:
        """What the value is, as platform/fields.py names it."""
        return self.type.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureField(ValueField):
    """A computed value: a count, sum, average, least or greatest value over a to-many relation's records that `where`
    finds (as the API writes a filter). Of money, only the amounts whose `currency` is `currency_code`."""

    function: Aggregate
    many: ManyField
    of: ValueField | None = None
    where: str = ""
    currency: ValueField | None = None
    currency_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyField(FieldMap):
    """Two values: an amount in ten-thousandths and its currency."""

    amount: ValueField
    currency: ValueField

    @property
    def column(self) -> str:
        """Where the amount is stored. A TypeError for one that is computed."""
        return _column_of(self.amount)

    @property
    def currency_column(self) -> str:
        """Where the currency is stored. A TypeError for one that is computed."""
        return _column_of(self.currency)


def _column_of(found: ValueField) -> str:
    if not isinstance(found, ColumnField):
        raise TypeError(f"{found.name} is computed: no column holds it.")
    return found.column


@dataclass(frozen=True, slots=True, kw_only=True)
class StampField(FieldMap):
    """Who did it: a kind and an id column."""

    kind_column: str
    id_column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalRefsField(FieldMap):
    """The record's ids in other systems."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomFields(FieldMap):
    """The values of the fields that the tenant has defined for the record's type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneField(FieldMap):
    """A to-one relation: `column` holds the key of a `target` record."""

    column: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyField(FieldMap):
    """A to-many relation: rows of `target` whose `column` holds this record's key; with `link`, rows of `target`
    named by `link_column` of link rows whose `column` holds this record's key. With `kind_column`, only rows that name
    this record's table there: such rows are about records of any kind, and who sees a record sees those about it."""

    target: str
    column: str
    kind_column: str = ""
    link: type[Model] | None = None
    link_column: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyField(FieldMap):
    """A to-one relation to a record of any kind: a column with its table's name, and one with its key."""

    kind_column: str
    id_column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyIdField(FieldMap):
    """The global id of such a record, be it there or not."""

    kind_column: str
    id_column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentField(FieldMap):
    """When the record happened, for timelines: a UtcDatetime column."""

    column: str


@dataclass(frozen=True, slots=True)
class Member:
    """A kind of record on a timeline: `column` holds its time. `steps` lead to its rows from the timeline's record:
    rows of the first model whose column holds that record's key, rows of the next whose column holds theirs."""

    record: RecordType
    column: str
    nullable: bool
    steps: tuple[tuple[type[Model], str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineField(FieldMap):
    """What happened to the record: rows of its members in one order."""

    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchField(FieldMap):
    """A field that Python answers once for all rows. `annotation` is its Python type, without None; `typed` says that
    the rows tell of which table they are."""

    function: BatchFunction
    needs: tuple[str, ...]
    annotation: Any
    typed: bool = False


@dataclass(slots=True)
class RecordType:
    """A record or a log of the graph: what its name, table and fields are."""

    name: str
    model: type[Model]
    description: str
    writes: tuple[Write, ...]
    plugin: str = ""
    moment: Moment | None = None
    fields: dict[str, FieldMap] = field(default_factory=dict)
    conditions: dict[str, ConditionField] = field(default_factory=dict)

    @property
    def table(self) -> str:
        """The table's name, and the prefix of the record's global ids."""
        return self.model._meta.db_table

    @property
    def is_log(self) -> bool:
        """Whether its rows are read only: without version, deletion, external ids and custom fields."""
        return not issubclass(self.model, Record)

    @property
    def written(self) -> type[Record]:
        """The model, for the write engine. A TypeError for a log."""
        if not issubclass(self.model, Record):
            raise TypeError(f"{self.name} is a log: no command of a client writes it.")
        return self.model

    @property
    def rules(self) -> Rules:
        """What is special about the records; a log has no rules."""
        return Rules() if self.is_log else self.written.special

    @property
    def searchable(self) -> bool:
        """Whether records of this kind are found by words."""
        return bool(self.rules.search) and not self.rules.finds

    @property
    def on_timelines(self) -> bool:
        """Whether it is a TimelineItem."""
        return self.moment is not None

    @property
    def interfaces(self) -> tuple[str, ...]:
        """What it implements, of INTERFACES."""
        return INTERFACES if self.on_timelines else INTERFACES[:1]

    @property
    def root(self) -> str:
        """`carePlan`: the name of its root field and the stem of its mutations."""
        return self.name[0].lower() + self.name[1:]

    @property
    def root_plural(self) -> str:
        """`carePlans`."""
        return plural(self.root)


INTERFACES: Final = ("Node", "TimelineItem")
"""What records may implement; each is one of those before it, too."""


class Registry:
    """Every record type by name, table and model. `shared` are fields that all of an interface have."""

    def __init__(self, types_: Iterable[RecordType]) -> None:
        self.records: dict[str, RecordType] = {}
        self.by_table: dict[str, RecordType] = {}
        self.by_model: dict[type[Model], RecordType] = {}
        self.shared: dict[str, dict[str, FieldMap]] = {name: {} for name in INTERFACES}
        for item in types_:
            if item.name in self.records or item.table in self.by_table:
                other = self.records.get(item.name) or self.by_table[item.table]
                raise TypeError(f"{item.plugin or 'core'} and {other.plugin or 'core'} both declare {item.name}.")
            self.records[item.name] = self.by_table[item.table] = self.by_model[item.model] = item

    @property
    def append_only(self) -> frozenset[str]:
        """The tables of records that no generated mutation creates or changes."""
        return frozenset(r.table for r in self.records.values() if not {"create", "update"} & set(r.writes))
