"""The leaf values of the graph: what is accepted, what is refused with which words, and the one form that goes out."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NewType
from uuid import UUID

import orjson
from graphql import (
    GraphQLBoolean,
    GraphQLError,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLScalarType,
    GraphQLString,
)

from crmcore.errors import BadInput
from crmcore.kit import decimals, times
from crmcore.kit.ids import from_global
from crmcore.kit.text import article
from crmcore.query.declare import FreeData

_DATETIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DECIMAL = re.compile(r"-?\d{1,40}(\.\d{1,40})?", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


def _parse_datetime(given: Any) -> datetime:
    if isinstance(given, str) and _DATETIME.fullmatch(given):
        try:
            return times.from_text(given.upper())
        except (ValueError, OverflowError) as error:
            raise GraphQLError(f"DateTime is out of range: {given!r}.") from error
    raise GraphQLError('DateTime must be RFC 3339 with an offset, like "2026-11-22T09:30:00+01:00".')


def _show_datetime(held: Any) -> str:
    return _in_form(held, _DATETIME) if isinstance(held, str) else times.to_text(held)


def _parse_date(given: Any) -> date:
    if isinstance(given, str) and _DATE.fullmatch(given):
        try:
            return date.fromisoformat(given)
        except ValueError as error:
            raise GraphQLError(f"Date is not in the calendar: {given!r}.") from error
    raise GraphQLError('Date must be written like "2026-11-22".')


def _show_date(held: Any) -> str:
    return _in_form(held, _DATE) if isinstance(held, str) else str(held.isoformat())


def _parse_decimal(given: Any) -> Decimal:
    text = str(given) if isinstance(given, int) and not isinstance(given, bool) else given
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
        raise GraphQLError('Decimal must be a string of digits, like "12.50", or a whole number.')
    number = Decimal(text)
    try:
        decimals.to_scaled(number)
    except ValueError as error:
        raise GraphQLError(f"Decimal {error}: {text!r}.") from error
    return number


def _show_decimal(held: Any) -> str:
    if isinstance(held, str):
        return _in_form(held, _DECIMAL)
    return decimals.scaled_text(decimals.to_scaled(Decimal(held)))


def _in_form(text: str, form: re.Pattern[str]) -> str:
    """A text that is finished already. GraphQLError for one that is none."""
    if form.fullmatch(text) is None:
        raise GraphQLError(f"{text[:80]!r} is not in the form of the scalar.")
    return text


ID = NewType("ID", str)
"""GraphQL's ID, where a Python type is asked for."""

SCALARS: Final[dict[object, GraphQLScalarType]] = {
    str: GraphQLString,
    int: GraphQLInt,
    bool: GraphQLBoolean,
    float: GraphQLFloat,
    ID: GraphQLID,
    datetime: GraphQLScalarType(
        name="DateTime",
        description=(
            "An instant. Send it in RFC 3339 with any offset, like 2026-11-22T09:30:00+01:00 (a time without an offset "
            "is refused; parts finer than a microsecond are dropped); it comes back in UTC, always as "
            "2026-11-22T08:30:00.000000+00:00."
        ),
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        parse_value=_parse_datetime,
        serialize=_show_datetime,
    ),
    date: GraphQLScalarType(
        name="Date",
        description="A day of the calendar without a time zone, written 2026-11-22.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        parse_value=_parse_date,
        serialize=_show_date,
    ),
    Decimal: GraphQLScalarType(
        name="Decimal",
        description=(
            "An exact decimal number as a string with four places, like 12.5000. Send a string with at most four "
            "places, or a whole number; a float is refused because it is not exact."
        ),
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259#section-6",
        parse_value=_parse_decimal,
        serialize=_show_decimal,
    ),
    FreeData: GraphQLScalarType(
        name="JSON",
        description="Any JSON value: data whose form depends on where it comes from.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
    ),
}
"""Python type to scalar."""


def record_key(text: str, prefix: str, *path: str) -> UUID:
    """The key in a global id of the record whose table is `prefix`. BadInput, with `path`, for anything else."""
    try:
        found, key = from_global(text)
    except ValueError:
        found = ""
    if found != prefix:
        raise BadInput(f"{text[:80]!r} is no id of {article(prefix)}: it must look like {prefix}_<uuid>.", *path)
    return key


def client_key(text: str, prefix: str, *path: str) -> UUID:
    """The key a client chose for a new record: a UUID, bare or as a global id. BadInput for anything else."""
    return UUID(text) if _UUID.fullmatch(text) else record_key(text, prefix, *path)


def refuse_unstorable(variables: Any) -> None:
    """BadInput for text in `variables` that no database can hold: NUL characters and lone surrogates."""
    try:
        if b"\\u0000" not in orjson.dumps(variables):
            return
    except TypeError:  # a surrogate, or a number that is no business of ours
        pass
    stack: list[tuple[tuple[str, ...], Any]] = [((), variables)]
    while stack:
        path, held = stack.pop()
        if isinstance(held, str):
            if "\0" in held or not _encodable(held):
                raise BadInput("Text may not hold NUL characters or lone surrogates.", *path)
        elif isinstance(held, dict):
            stack.extend(((*path, str(key)), inner) for key, inner in held.items())
        elif isinstance(held, list):
            stack.extend(((*path, str(index)), inner) for index, inner in enumerate(held))


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
