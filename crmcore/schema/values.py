"""What the fields of records are in the graph, and the small types that every record uses."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from crmcore.kit.choices import Choices
from crmcore.platform.access import ActorKind
from crmcore.query.declare import FreeData
from crmcore.query.mapping import ConditionField, ValueField
from crmcore.schema.scalars import ID
from crmcore.schema.shapes import Shapes, listed, optional, shaped

_KINDS: Final[dict[str, Any]] = {
    "uuid": ID,
    "text": str,
    "int": int,
    "bool": bool,
    "decimal": Decimal,
    "datetime": datetime,
    "date": date,
}


class OrderDirection(Choices):
    """Which end of an order comes first."""

    ASC = "ASC", "From small to large, from A to Z, from early to late."
    DESC = "DESC", "From large to small, from Z to A, from late to early."


class NullsOrder(Choices):
    """Where records without a value stand in an order."""

    FIRST = "FIRST", "Before all values."
    LAST = "LAST", "After all values; the default in both directions."


def column_type(shapes: Shapes, field: ValueField | ConditionField) -> Any:
    """The type of a field's values, never null."""
    kind = field.kind
    if kind in ("choice", "choices"):
        assert field.enum is not None
        made = shapes.choice(field.enum, plugin=field.plugin)
        return listed(made) if kind == "choices" else made
    if kind == "json" and isinstance(field, ValueField) and field.annotation is not None:
        return python_type(shapes, field.annotation, field.plugin)
    if kind not in _KINDS:
        raise TypeError(f"{field.name}: a column of kind {kind!r} has no form in the graph; leave it out.")
    return _KINDS[kind]


def python_type(shapes: Shapes, annotation: Any, plugin: str = "") -> Any:
    """The type of the annotation of a batch field, an action's argument or a Json column, never null."""
    origin = getattr(annotation, "__origin__", None)
    if origin is list:
        return listed(python_type(shapes, annotation.__args__[0], plugin))
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return shapes.choice(annotation, plugin=plugin)
    if annotation in {*_KINDS.values(), float, FreeData}:
        return annotation
    raise TypeError(f"{annotation!r} has no form in the graph: use str, int, bool, Decimal, date, datetime or an enum.")


def make_values(shapes: Shapes) -> None:
    """Money, stamps, external references, pages and orders."""
    shapes.choice(OrderDirection)
    shapes.choice(NullsOrder)
    shapes.choice(ActorKind)
    amount = "The amount, exact, with four places."
    currency = "ISO 4217 code of the currency, such as EUR."
    shapes.object(
        "Money",
        "An amount in a currency. Amounts in different currencies are never added up.",
        lambda: [shaped("amount", Decimal, amount), shaped("currencyCode", str, currency)],
    )
    shapes.input(
        "MoneyInput",
        "An amount in a currency.",
        lambda: [
            shaped("amount", Decimal, "The amount, with at most four places."), shaped("currencyCode", str, currency)
        ],
    )  # fmt: skip
    shapes.object(
        "ActorStamp",
        "Who did something to a record.",
        lambda: [
            shaped("kind", shapes["ActorKind"], "What kind of actor it was."),
            shaped("id", optional(ID), "The actor's id: a user's global id where a user acted."),
        ],
    )
    system = "The system that gave the id, such as erp or northwind."
    external_id = "The record's id there."
    for name, make, said in (
        ("ExternalRef", shapes.object, "The id of a record in another system."),
        ("ExternalRefInput", shapes.input, "The id of a record in another system; unique within that system."),
    ):
        make(name, said, lambda: [shaped("system", str, system), shaped("externalId", str, external_id)])
    shapes.object("PageInfo", "Where a page stands in its list.", _page_info)


def _page_info() -> list[Any]:
    return [
        shaped("hasNextPage", bool, "Whether records follow this page: ask again with after: endCursor."),
        shaped("hasPreviousPage", bool, "Whether records precede this page: ask again with before: startCursor."),
        shaped("startCursor", optional(str), "Cursor of the page's first record; null on an empty page."),
        shaped("endCursor", optional(str), "Cursor of the page's last record; null on an empty page."),
    ]
