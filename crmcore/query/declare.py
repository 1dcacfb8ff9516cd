"""What an area or a plugin writes to put a record into the graph.

    @record(models.Deal)
    class Deal:
        \"\"\"A sale that may be won.\"\"\"

        name: str = field("What sellers call it.")
        amount: Money | None = field("What it is worth.")
        customer: Customer | None = field("Who buys.")
        transitions: Many[StageTransition] = field("Every stage it entered.")

    @extend("Customer")
    class CustomerLoyalty:
        loyalty_visits: Many[LoyaltyVisit] = field("Visits.")
        loyalty_last_on: date | None = figure("max", "loyalty_visits", "The latest visit.", of="visited_on")
        loyalty_is_person: bool = expression("{kind} = 'PERSON'", "Whether this is a private person.")
        loyalty_score: float | None = batch(scores, "0 to 1.", needs=("name",))

The class is only a declaration: its annotations and descriptions are read once, when the app is made (mapping.py), and
joins come from the model's metadata. Records may name each other freely; import the names under TYPE_CHECKING.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

if TYPE_CHECKING:
    from tortoise.models import Model

    from crmcore.platform.context import Context
    from crmcore.platform.record import Record

T = TypeVar("T")
_Cls = TypeVar("_Cls", bound=type)

Row = Mapping[str, Any]
BatchFunction = Callable[[Sequence[Row], "Context"], Awaitable[Sequence[Any]]]
Write = Literal["create", "update", "delete", "restore"]
Aggregate = Literal["count", "sum", "avg", "min", "max"]
WRITES: Final[tuple[Write, ...]] = ("create", "update", "delete", "restore")


class Many(Generic[T]):
    """Annotation of a to-many relation: a connection with its own `where`, `orderBy` and paging."""


class Timeline:
    """Annotation of a timeline: what happened to the record, of all kinds, in one list ordered by time. The records
    whose `Moment` names the record's type stand on it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a record stands in time, and on whose timelines.

        @record(models.StageTransition, moment=Moment("at", of=("deal", "deal.customer")))

    at  its column of type UtcDatetime; while that is null, the record is on no timeline
    of  to-one paths of foreign keys, each to a record that may have a timeline. An index on the tenant, the first key
        of the path, `at` and the id serves it
    """

    at: str
    of: tuple[str, ...]


class AnyRecord:
    """Annotation of a to-one relation to a record of any kind: columns `<name>_type` and `<name>_id`."""


class Actor:
    """Annotation of who acted: columns `<name>_kind` and `<name>_id`."""


class FreeData:
    """Annotation of a Json column whose content has no type of its own: it is shown as it is, as JSON."""


class Money:
    """Annotation of an amount with its currency: a Scaled column and a Text(3) column beside it."""


@dataclass(frozen=True, slots=True)
class Expression:
    """What `expression` was given."""

    sql: str | Mapping[str, str]
    currency: str


@dataclass(frozen=True, slots=True)
class Figure:
    """What `figure` was given."""

    function: Aggregate
    relation: str
    of: str
    where: str
    currency: str


@dataclass(frozen=True, slots=True)
class Condition:
    """What `condition` was given."""

    sql: str | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """What `field` and the like hold until the registry is built."""

    description: str
    column: str = ""
    currency: str = "currency"
    write: Literal["always", "create", "never"] = "always"
    via: str = ""
    through: type[Model] | None = None
    batch: BatchFunction | None = None
    needs: tuple[str, ...] = ()
    deprecated: str | None = None
    derived: bool = False
    computed: Expression | Figure | Condition | None = None


@dataclass(frozen=True, slots=True)
class Declaration:
    """A record or a log of the graph, as declared."""

    cls: type
    model: type[Model]
    name: str
    description: str
    specs: Mapping[str, FieldSpec]
    writes: tuple[Write, ...] = WRITES
    moment: Moment | None = None
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class Extension:
    """Fields that somebody adds to a record, as declared."""

    cls: type
    target: str
    specs: Mapping[str, FieldSpec] = dataclass_field(default_factory=dict)
    plugin: str = ""


def field(
    description: str,
    *,
    column: str = "",
    currency: str = "currency",
    write: Literal["always", "create", "never"] = "always",
    via: str = "",
    through: type[Model] | None = None,
    deprecated: str | None = None,
    derived: bool = False,
) -> Any:
    """A field that the database answers. Its kind follows from the annotation and the model.

    description  for a front-end developer; becomes the schema's text
    column       the model's attribute, where it is not named like the field
    currency     for Money: the currency's attribute
    write        whether create and update inputs have it: "always", "create" only, or "never"
    via          for Many: the key on the other record, where it has several to this one, or one that is no foreign key
    through      for Many: the link model of a many-to-many relation
    derived      the record's rules make a value when a create leaves it out, so the create input does not require it
    """
    return FieldSpec(description, column, currency, write, via, through, deprecated=deprecated, derived=derived)


def expression(
    sql: str | Mapping[str, str], description: str, *, currency: str = "", deprecated: str | None = None
) -> Any:
    """A field that is an SQL expression: read, filtered, sorted, grouped and added up like a column.

    sql       columns of the model stand in braces: "{done_on} IS NULL AND {due_on} < {today}". `{now}` and `{today}`
              are the context's clock, in UTC. A mapping {"postgres": ..., "sqlite": ...} where the databases differ
    currency  for Money: the column with the currency, or a code such as EUR

    What it is follows from the annotation; `| None` unless it can never be null. Decimals and amounts are whole
    ten-thousandths there: `portion` multiplies and rounds them.
    """
    return FieldSpec(description, deprecated=deprecated, computed=Expression(sql, currency))


def condition(sql: str | Mapping[str, str], description: str, *, deprecated: str | None = None) -> Any:
    """A filter that is no field: what an SQL condition says of a row and of a value that the client gives.

        surveys_rated_below: int = condition(
            "EXISTS (SELECT 1 FROM surveys_response r WHERE r.tenant_id = {tenant} AND r.customer_id = {id}"
            " AND r.deleted_at IS NULL AND r.score < {value})", "Customers who once gave fewer points than this."
        )

    is `where: {surveysRatedBelow: 7}`: in lists, relations, figures, exports, subscriptions and webhooks. Columns of
    the record stand in braces; so do `{value}`, `{tenant}`, `{now}` and `{today}`. What the value is follows from the
    annotation: a plain type, an enum, or a record (its id). Decimals are whole ten-thousandths there. A text for each
    database as in `expression`. Other tables are looked at as they are: the condition itself leaves out what is
    deleted. `not` finds every row that the condition does not hold for.
    """
    return FieldSpec(description, deprecated=deprecated, computed=Condition(sql))


def portion(whole: str, part: str, of: int) -> str:
    """The SQL of `whole * part / of`, rounded half-even: `portion("{amount}", "{probability}", 100)`."""
    quotient = f"({whole} / {of} * {part} + {whole} % {of} * {part} / {of})"
    rest = f"({whole} % {of} * {part} % {of})"
    away = f"2 * abs({rest}) > {of} OR (2 * abs({rest}) = {of} AND abs({quotient}) % 2 = 1)"
    return f"({quotient} + CASE WHEN {away} THEN CASE WHEN {rest} < 0 THEN -1 ELSE 1 END ELSE 0 END)"


def figure(
    function: Aggregate,
    relation: str,
    description: str,
    *,
    of: str = "",
    where: str = "",
    currency: str = "",
    deprecated: str | None = None,
) -> Any:
    """A field that is a figure over a to-many relation's records: read, filtered and sorted like a column.

    function  "count", "sum", "avg", "min" or "max"
    relation  the record's Many field
    of        the field of those records, unless they are counted
    where     which of them, as a client writes it: "{stage: {type: {eq: OPEN}}}"
    currency  of money, only the amounts in this one: currencies are never mixed

    A count is an `int`; the others are null without records, so annotate them `| None`.
    """
    return FieldSpec(description, deprecated=deprecated, computed=Figure(function, relation, of, where, currency))


def batch(
    function: BatchFunction, description: str, *, needs: Sequence[str] = (), deprecated: str | None = None
) -> Any:
    """A field that Python answers, once for all rows of a selection.

    `await function(rows, ctx)` gets rows with `id` (UUID) and the columns in `needs` (Python values) and answers with
    one value per row, in order. The field must be nullable: when the function fails, it is null with an error.
    """
    return FieldSpec(description, batch=function, needs=tuple(needs), deprecated=deprecated)


def record(
    model: type[Record], *, writes: Sequence[Write] = WRITES, name: str = "", moment: Moment | None = None
) -> Callable[[_Cls], _Cls]:
    """Put a model into the graph. `writes` lists the generated mutations (none for append-only records); `moment` puts
    its rows on the timelines of others."""
    return _declared(model, tuple(writes), name, moment)


def log(model: type[Model], *, name: str = "", moment: Moment | None = None) -> Callable[[_Cls], _Cls]:
    """Put a table that is no record into the graph, for reading: events, jobs, deliveries.

    Its model has `id` (Uuid) and `tenant_id`, columns of platform/fields.py, and indexes that begin with the tenant;
    one over `tenant_id, id` serves the plain list. It is listed, filtered, ordered, paged, counted and related like a
    record, but has no version, stamps, deletion, external ids and custom fields, and nobody writes it by the graph. A
    key of another table may be a plain Uuid column: `job_id` is the to-one `job`, and `via="job"` the way back.
    `access` on the model guards its rows as on a record; TENANT_REACH hides them from who sees less than the tenant.
    """
    return _declared(model, (), name, moment)


def _declared(
    model: type[Model], writes: tuple[Write, ...], name: str, moment: Moment | None
) -> Callable[[_Cls], _Cls]:
    def declare(cls: _Cls) -> _Cls:
        cls.__crm_record__ = Declaration(  # type: ignore[attr-defined]
            cls, model, name or cls.__name__, _doc(cls), _specs(cls), writes, moment
        )
        return cls

    return declare


def extend(target: str) -> Callable[[_Cls], _Cls]:
    """Add fields to the record type named `target`, the core's or another plugin's; or to all of an interface, `Node`
    or `TimelineItem`: then the rows of a batch field have `record_type`, the table, too."""

    def declare(cls: _Cls) -> _Cls:
        cls.__crm_extension__ = Extension(cls, target, _specs(cls))  # type: ignore[attr-defined]
        return cls

    return declare


def _doc(cls: type) -> str:
    if not cls.__doc__:
        raise TypeError(f"{cls.__qualname__} needs a docstring: it is the record's description in the schema.")
    return " ".join(cls.__doc__.split())


def _specs(cls: type) -> dict[str, FieldSpec]:
    specs = {}
    for name in cls.__annotations__:
        spec = cls.__dict__.get(name)
        if not isinstance(spec, FieldSpec):
            raise TypeError(
                f'{cls.__qualname__}.{name} needs `= field("...")`, expression, figure, batch or condition.'
            )
        specs[name] = spec
    return specs
