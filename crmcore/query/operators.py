"""The operators of filters, one entry each: to add an operator, add an entry to OPERATORS.

Nothing else needs to know of it. The inputs of the schema (`StringFilter`, `DateFilter`...) have a field for every
operator of their kind; filters.py and custom/rows.py ask the entry for the SQL and for what it means. A test wants a
case for it, on both databases.

A value may be missing: then a comparison in SQL is neither true nor false, and the record is not found. `unlike` makes
a condition that finds those records too, as people expect of "not X".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from graphql import GraphQLEnumType, get_named_type

from crmcore.kit.sql import Bind, Sql
from crmcore.query.arguments import Argument
from crmcore.query.dialects import Dialect, Expression
from crmcore.query.operands import CASTS, Convert, converter, list_converter
from crmcore.query.relative import bounds_of
from crmcore.query.values import Value

Kind = Literal["id", "text", "choice", "int", "bool", "decimal", "datetime", "date", "texts", "choices", "options"]
"""What is filtered. `choice` is an enum's value; `texts` and `choices` are lists. `options` is a list of texts of which
each has a row of its own, on which the SQL is a condition: one row must fulfil it."""

_KINDS: Final[dict[str, Kind]] = {"uuid": "id", "actor": "id", "total": "decimal", "json": "texts"}


def kind_of(stored: str) -> Kind:
    """The kind of filter for a value's kind, as platform/fields.py names it; most have the same name."""
    return _KINDS.get(stored) or cast("Kind", stored)


Operand = Literal["value", "list", "boolean", "period"]
"""What the caller gives: a value of the kind, a list of them, true or false, or a `RelativePeriod`."""

SINGLE: Final[tuple[Kind, ...]] = ("id", "text", "choice", "int", "bool", "decimal", "datetime", "date")
MANY_VALUED: Final[tuple[Kind, ...]] = ("id", "text", "choice", "int", "decimal", "datetime", "date")
ORDERED: Final[tuple[Kind, ...]] = ("text", "int", "decimal", "datetime", "date")
TIMES: Final[tuple[Kind, ...]] = ("datetime", "date")
TEXT: Final[tuple[Kind, ...]] = ("text",)
LISTS: Final[tuple[Kind, ...]] = ("texts", "choices")
OPTIONS: Final[tuple[Kind, ...]] = ("options",)


class Comparison:
    """One use of an operator: the record's value and the operand, as an entry's `sql` needs them."""

    def __init__(self, value: Value, operand: Argument, dialect: Dialect, *, whole: bool = False) -> None:
        self.operand = operand
        self.dialect = dialect
        self._of = value
        self._normal = value.normal if whole else None

    @property
    def kind(self) -> str:
        """What the value is, as platform/fields.py names it."""
        return self._of.kind

    @property
    def value(self) -> Expression:
        """The record's value."""
        return self._of.sql

    @property
    def folded(self) -> Expression:
        """The record's value, a text, without case and accents."""
        return self._of.folded.sql if self._of.folded else self.dialect.fold(self.value)

    def given(self) -> Bind:
        """The operand, a single value."""
        return self.operand.bind(self._convert(self._of.kind), CASTS[self._of.kind])

    def given_folded(self) -> Bind:
        """The operand, a single text, without case and accents."""
        return self.operand.bind(self._convert("folded"), "text")

    def listed(self, *, folded: bool = False) -> Bind:
        """The operand as a list: a single value is a list of one."""
        kind = "folded" if folded else self._of.kind
        many = list_converter(self._convert(kind), self.dialect.name)
        return self.operand.bind(
            lambda found: many(found if isinstance(found, list) else [found]), f"{CASTS.get(kind, 'text')}[]"
        )

    def flag(self) -> bool:
        """The operand, true or false."""
        return bool(self.operand.exact())

    def supplied(self, get: Callable[[Any], Any]) -> Bind:
        """A value of this kind that the run supplies."""
        convert = converter(self._of.kind, self.dialect.name)
        return Bind(lambda run: convert(get(run)), CASTS[self._of.kind])

    def _convert(self, kind: str) -> Convert:
        named: Any = get_named_type(self.operand.type)
        if isinstance(named, GraphQLEnumType):
            return lambda given: str(named.coerce_output_value(given))
        normal = self._normal
        convert = converter("text" if kind == "json" else kind, self.dialect.name, self._of.record)
        return convert if normal is None else lambda given: normal(convert(given))


Compile = Callable[[Comparison], Sql]


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator of filters.

    name         of the field in the inputs of its `kinds`
    operand      what the caller gives
    description  what it finds, for a front-end developer
    sql          the condition
    null         what null as the operand finds: records without a value, or those with one; None refuses null
    complement   it finds what another one does not: the records without a value too
    presence     it asks only whether there is a value: true finds records without one
    whole        what is given are whole values, as a record may have them: put into the form in which they are kept
    ranged       it finds all values of a range
    each         of a list that is given, each value by itself must be found
    """

    name: str
    kinds: tuple[Kind, ...]
    operand: Operand
    description: str
    sql: Compile
    null: bool | None = None
    complement: bool = False
    presence: bool = False
    whole: bool = False
    ranged: bool = False
    each: bool = False

    @property
    def needs_value(self) -> bool:
        """Whether it never finds a record without a value."""
        return not self.complement and not self.presence


def unlike(condition: Sql) -> Sql:
    """The condition does not hold, be it that a value is missing."""
    return Sql("(", condition, ") IS NOT TRUE")


def missing(c: Comparison, *, wanted: bool) -> Sql:
    """The value is missing, or is there."""
    return Sql(c.value, " IS NULL" if wanted else " IS NOT NULL")


def within(c: Comparison) -> Sql:
    """The value is in the operand's period."""
    begin, end = bounds_of(c.operand, c.kind)
    before = Sql(c.value, " < ", c.supplied(end))
    return before if begin is None else Sql("(", c.value, " >= ", c.supplied(begin), " AND ", before, ")")


OPERATORS: tuple[Operator, ...] = (
    Operator(
        "eq", SINGLE, "value", "Equal to this value; null finds records without a value.",
        lambda c: Sql(c.value, " = ", c.given()), null=True, whole=True,
    ),
    Operator(
        "ne", SINGLE, "value",
        "Not equal to this value; records without a value are found too. Null finds records with any value.",
        lambda c: unlike(Sql(c.value, " = ", c.given())), null=False, whole=True, complement=True,
    ),
    Operator(
        "in", MANY_VALUED, "list", "Equal to one of these values. An empty list finds nothing.",
        lambda c: c.dialect.one_of(c.value, c.listed()), whole=True,
    ),
    Operator(
        "notIn", MANY_VALUED, "list", "Equal to none of these values; records without a value are found too.",
        lambda c: unlike(c.dialect.one_of(c.value, c.listed())), whole=True, complement=True,
    ),
    Operator("lt", ORDERED, "value", "Less than this value.", lambda c: Sql(c.value, " < ", c.given()), ranged=True),
    Operator(
        "lte", ORDERED, "value", "Less than or equal to this value.",
        lambda c: Sql(c.value, " <= ", c.given()), ranged=True,
    ),
    Operator("gt", ORDERED, "value", "Greater than this value.", lambda c: Sql(c.value, " > ", c.given()), ranged=True),
    Operator(
        "gte", ORDERED, "value", "Greater than or equal to this value.",
        lambda c: Sql(c.value, " >= ", c.given()), ranged=True,
    ),
    Operator(
        "relative", TIMES, "period", "In a period that moves with the present day, like the last 30 days.",
        within, ranged=True,
    ),
    Operator(
        "contains", TEXT, "value", "Has this text in it, case and accents counted.",
        lambda c: c.dialect.contains(c.value, c.given()),
    ),
    Operator(
        "startsWith", TEXT, "value", "Begins with this text, case and accents counted.",
        lambda c: c.dialect.starts_with(c.value, c.given()),
    ),
    Operator(
        "endsWith", TEXT, "value", "Ends with this text, case and accents counted.",
        lambda c: c.dialect.ends_with(c.value, c.given()),
    ),
    Operator(
        "iEq", TEXT, "value", "Equal to this text, case and accents ignored: STRASSE equals straße.",
        lambda c: Sql(c.folded, " = ", c.given_folded()),
    ),
    Operator(
        "iNe", TEXT, "value",
        "Not equal to this text, case and accents ignored; records without a value are found too.",
        lambda c: unlike(Sql(c.folded, " = ", c.given_folded())), complement=True,
    ),
    Operator(
        "iIn", TEXT, "list", "Equal to one of these texts, case and accents ignored. An empty list finds nothing.",
        lambda c: c.dialect.one_of(c.folded, c.listed(folded=True)),
    ),
    Operator(
        "iContains", TEXT, "value", "Has this text in it, case and accents ignored.",
        lambda c: c.dialect.contains(c.folded, c.given_folded()),
    ),
    Operator(
        "iStartsWith", TEXT, "value", "Begins with this text, case and accents ignored.",
        lambda c: c.dialect.starts_with(c.folded, c.given_folded()),
    ),
    Operator(
        "iEndsWith", TEXT, "value", "Ends with this text, case and accents ignored.",
        lambda c: c.dialect.ends_with(c.folded, c.given_folded()),
    ),
    Operator(
        "has", LISTS, "value", "Holds this value among others.", lambda c: c.dialect.has_any(c.value, c.listed())
    ),
    Operator(
        "hasAny", LISTS, "list", "Holds at least one of these values. An empty list finds nothing.",
        lambda c: c.dialect.has_any(c.value, c.listed()),
    ),
    Operator(
        "hasAll", LISTS, "list", "Holds every one of these values. An empty list finds everything.",
        lambda c: c.dialect.has_all(c.value, c.listed()),
    ),
    Operator(
        "has", OPTIONS, "value", "Has this option among others.", lambda c: Sql(c.value, " = ", c.given()), whole=True
    ),
    Operator(
        "hasAny", OPTIONS, "list", "Has at least one of these options. An empty list finds nothing.",
        lambda c: c.dialect.one_of(c.value, c.listed()), whole=True,
    ),
    Operator(
        "hasAll", OPTIONS, "list", "Has every one of these options. An empty list finds everything.",
        lambda c: Sql(c.value, " = ", c.given()), whole=True, each=True,
    ),
    Operator(
        "isEmpty", (*LISTS, *OPTIONS), "boolean",
        "True finds records whose list is empty, false those with at least one value.",
        lambda c: c.dialect.is_empty(c.value) if c.flag() else unlike(c.dialect.is_empty(c.value)), presence=True,
    ),
    Operator(
        "isNull", SINGLE, "boolean", "True finds records without a value, false those with one.",
        lambda c: missing(c, wanted=c.flag()), presence=True,
    ),
)  # fmt: skip
"""The operators of each kind of filter, in the order of the schema. All that are given must hold."""


def operators_of(kind: Kind) -> dict[str, Operator]:
    """The operators of a kind, by name."""
    return {operator.name: operator for operator in OPERATORS if kind in operator.kinds}
