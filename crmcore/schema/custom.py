"""Custom fields in the graph: the definitions, which are records, and the types of their values."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final

from graphql import GraphQLNamedType

from crmcore import records as models
from crmcore.errors import Invalid
from crmcore.platform.custom import BY_MEMBER, NORMAL, CustomFieldType
from crmcore.query import field, record
from crmcore.query.custom import MEMBERS, VALUE, VALUE_TYPES
from crmcore.schema.filters import operator_fields
from crmcore.schema.scalars import ID
from crmcore.schema.shapes import Shapes, listed, optional, shaped


@record(models.CustomField)
class CustomField:
    """A field that you add to a type of record: what it is called and what its values are. The values are in
    customFields of the records."""

    record_type: str = field("The type of record it is for, as global ids begin: customer, care_plan.", write="create")
    key: str = field(
        "Its name in the API: a small letter, then letters, digits and _. Unique among the type's living fields.",
        write="create",
    )
    label: str = field("What people call it.")
    description: str | None = field("What it is for, for the people who fill it in.")
    type: CustomFieldType = field("What its values are.", write="create")
    options: list[str] = field("What a SELECT or MULTI_SELECT offers, in the order to show it. In use, one stays.")
    reference_type: str | None = field("The type of record that a REFERENCE names, like customer.", write="create")
    is_required: bool = field("Whether new records must have a value, and none may be cleared.")
    is_unique: bool = field("Whether a value may be had by one living record only.")
    position: int = field("Where it stands among the type's fields; the same place is shared by key.")


_MEMBERS: Final[dict[CustomFieldType, tuple[Any, str]]] = {
    CustomFieldType.TEXT: (str, "Text."),
    CustomFieldType.NUMBER: (int, "A whole number."),
    CustomFieldType.DECIMAL: (Decimal, "An exact number with at most four places."),
    CustomFieldType.BOOLEAN: (bool, "Yes or no."),
    CustomFieldType.DATE: (date, "A day."),
    CustomFieldType.DATE_TIME: (datetime, "An instant."),
    CustomFieldType.SELECT: (str, "One of the field's options."),
    CustomFieldType.MULTI_SELECT: (listed(str), "Any of the field's options; in their order, and each once."),
    CustomFieldType.URL: (str, "An address on the web, with http or https."),
    CustomFieldType.EMAIL: (str, "An email address, kept in lower case."),
    CustomFieldType.PHONE: (str, "A phone number, kept without spaces and punctuation."),
    CustomFieldType.REFERENCE: (ID, "The global id of a record of the field's reference type."),
}


_FILTERS: Final[dict[CustomFieldType, str]] = {
    CustomFieldType.NUMBER: "IntFilter",
    CustomFieldType.DECIMAL: "DecimalFilter",
    CustomFieldType.BOOLEAN: "BooleanFilter",
    CustomFieldType.DATE: "DateFilter",
    CustomFieldType.DATE_TIME: "DateTimeFilter",
    CustomFieldType.MULTI_SELECT: "CustomOptionsFilter",
    CustomFieldType.REFERENCE: "IdFilter",
}


def make_custom(shapes: Shapes) -> list[GraphQLNamedType]:
    """`CustomFieldInput`, `CustomFilter`, `CustomOrder`, `CustomFieldValue` and its implementers, which are
    answered where no field names them."""
    shapes.choice(CustomFieldType)
    shapes.input(
        "CustomOptionsFilter",
        "Conditions on a MULTI_SELECT field; all that are given must hold.",
        partial(operator_fields, shapes, "options", str),
    )
    shapes.input(
        "CustomFilter",
        "Conditions on a field that you defined: the key, and the member of the field's type.",
        partial(_conditions, shapes),
    )
    shapes.input("CustomFieldInput", "A value for a custom field: the key, and the member of the field's type.", _given)
    shapes.input(
        "CustomOrder",
        "A field that you defined, by which a list is ordered. MULTI_SELECT and REFERENCE fields have no order.",
        lambda: [shaped("key", str, "The field's key.")],
    )
    shapes.interface(
        VALUE,
        "A custom field of a record and its value: ask for it by the type, as in ... on CustomText { text }.",
        lambda: _shared(shapes),
        _never,
    )
    interface = (shapes[VALUE],)
    return [
        shapes.object(
            VALUE_TYPES[kind], f"The value of a {kind} field.", partial(_value, shapes, kind), interfaces=interface
        )
        for kind in CustomFieldType
    ]


def _never(value: Any) -> str:
    raise TypeError(f"{value!r}: the read engine answers custom fields.")


def _given() -> list[Any]:
    made = [shaped("key", str, "The field's key.")]
    for kind in CustomFieldType:
        type_, said = _MEMBERS[kind]
        made.append(shaped(kind.member, optional(type_), f"For a {kind} field; null clears it. {said}"))
    return made


def _conditions(shapes: Shapes) -> list[Any]:
    made = [shaped("key", str, "The field's key.")]
    for kind in CustomFieldType:
        wanted = shapes[_FILTERS.get(kind, "StringFilter")]
        said = f"Conditions on a {kind} field."
        if kind in NORMAL:
            said += " What eq, ne, in and notIn are given is put into the form in which values are kept."
        made.append(shaped(kind.member, optional(wanted), said))
    return made


def _shared(shapes: Shapes) -> list[Any]:
    return [
        shaped("key", str, "The field's key."),
        shaped("label", str, "What people call the field."),
        shaped("type", shapes["CustomFieldType"], "What the field's values are."),
    ]


def _value(shapes: Shapes, kind: CustomFieldType) -> list[Any]:
    type_, said = _MEMBERS[kind]
    if kind is CustomFieldType.REFERENCE:
        type_, said = shapes["Node"], "The record; null without a value, and for a record that you may not see."
    shown = type_ if kind is CustomFieldType.MULTI_SELECT else optional(type_)
    return [*_shared(shapes), shaped(MEMBERS[kind], shown, said)]


def field_values(sent: Any) -> list[models.FieldValue]:
    """What `customFields` of an input holds. Invalid unless each names one value, of a field that none before names."""
    found: dict[str, models.FieldValue] = {}
    for number, given in enumerate(sent or ()):
        members = [name for name in given if name in BY_MEMBER]
        if len(members) != 1:
            said = f"Give exactly one value beside the key, named like the field's type: {', '.join(BY_MEMBER)}."
            raise Invalid(said, "customFields", str(number))
        key = given["key"]
        if key in found:
            said = f"{key} has a value here already: give each field once."
            raise Invalid(said, "customFields", str(number), "key")
        found[key] = models.FieldValue(key, members[0], given[members[0]])
    return list(found.values())
