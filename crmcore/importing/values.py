"""Text of a file as a value of a column. ValueError says in a reader's words why a text is none."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final

from crmcore.kit import decimals
from crmcore.platform.fields import Choice, ChoiceList, Column, Day, Flag, Int, Scaled, UtcDatetime

_BOOLEANS: Final = {
    "true": True,
    "yes": True,
    "y": True,
    "t": True,
    "1": True,
    "false": False,
    "no": False,
    "n": False,
    "f": False,
    "0": False,
}


@dataclass(frozen=True, slots=True)
class Notation:
    """How a file writes numbers and dates."""

    decimal: str = "."
    thousands: str = ""
    dates: tuple[str, ...] = ("%Y-%m-%d",)
    zone: tzinfo = UTC
    multiply: Decimal | None = None
    separator: str = ";"


Converter = Callable[[str], Any]


def converter(column: Column, notation: Notation) -> Converter:
    """What turns a text, never empty, into a value of this column."""
    if isinstance(column, ChoiceList):
        return lambda text: [_choice(column.enum, part.strip()) for part in text.split(notation.separator)]
    if isinstance(column, Choice):
        return lambda text: _choice(column.enum, text)
    if isinstance(column, Scaled):
        return lambda text: _scaled(text, notation)
    if isinstance(column, Int) or column.kind == "int":
        return lambda text: _whole(text, notation)
    if isinstance(column, Flag):
        return _flag
    if isinstance(column, Day):
        return lambda text: _instant(text, notation).date()
    if isinstance(column, UtcDatetime):
        return lambda text: _in_utc(_instant(text, notation), notation)
    return lambda text: text


def constant(column: Column, value: Any, notation: Notation) -> Any:
    """A TOML value as a value of this column: texts are converted, the rest must fit as it is."""
    if value is None or (isinstance(column, Flag) and isinstance(value, bool)):
        return value
    if isinstance(value, list) and isinstance(column, ChoiceList):
        return [_choice(column.enum, str(item)) for item in value]
    if isinstance(value, datetime) and isinstance(column, UtcDatetime):
        return _in_utc(value, notation)
    if isinstance(value, date) and isinstance(column, Day) and not isinstance(value, datetime):
        return value
    if isinstance(value, bool | list | dict | date):
        raise ValueError(f"{value!r} does not fit here")
    return converter(column, Notation(zone=notation.zone))(str(value))


def _choice(enum: type[StrEnum], text: str) -> StrEnum:
    try:
        return enum(text)
    except ValueError:
        pass
    folded = re.sub(r"[\s-]+", "_", text).upper()
    if folded in enum.__members__:
        return enum[folded]
    raise ValueError(f"{text!r} is none of {', '.join(enum)}")


def _number(text: str, notation: Notation) -> Decimal:
    plain = text.replace("\u00a0", " ")
    if notation.thousands:
        plain = plain.replace(notation.thousands, "")
    if notation.decimal != ".":
        if "." in plain:
            raise ValueError(f"{text!r} is not a number written with {notation.decimal!r}")
        plain = plain.replace(notation.decimal, ".")
    if not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)", plain, re.ASCII):
        raise ValueError(f"{text!r} is not a number")
    try:
        number = Decimal(plain)
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is not a number") from error
    return number * notation.multiply if notation.multiply is not None else number


def _scaled(text: str, notation: Notation) -> Decimal:
    number = _number(text, notation)
    try:
        decimals.to_scaled(number)
    except ValueError as error:
        raise ValueError(f"{text!r} {error}") from error
    return number


def _whole(text: str, notation: Notation) -> int:
    number = _number(text, notation)
    if number != number.to_integral_value():
        raise ValueError(f"{text!r} is not a whole number")
    return int(number)


def _flag(text: str) -> bool:
    try:
        return _BOOLEANS[text.casefold()]
    except KeyError:
        raise ValueError(f"{text!r} is neither true nor false") from None


def _instant(text: str, notation: Notation) -> datetime:
    for form in notation.dates:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007  a file's times have the mapping's zone
        except ValueError:
            continue
    try:
        if len(text) > len("2026-11-22"):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError(f"{text!r} is not a date written as {' or '.join(notation.dates)}")


def _in_utc(instant: datetime, notation: Notation) -> datetime:
    return (instant if instant.tzinfo else instant.replace(tzinfo=notation.zone)).astimezone(UTC)
