"""Values of columns: the one place that says what a column takes, and in which words it refuses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID

import orjson

from crmcore.kit import decimals
from crmcore.platform.fields import (
    BigInt,
    Choice,
    ChoiceList,
    Column,
    Day,
    Flag,
    Int,
    Json,
    Scaled,
    Text,
    UtcDatetime,
    Uuid,
)

_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)


def accept(name: str, column: Column, value: Any) -> Any:
    """The value as the engine keeps it. ValueError says what is wrong, as the end of a sentence that begins with the
    column's name. Whether null is allowed is not asked here."""
    if value is None:
        return None
    accepted = _KINDS[type(column)](column, value)
    if (name == "currency" or name.endswith("_currency")) and not _CURRENCY.fullmatch(accepted):
        raise ValueError("must be a currency code of three capital letters, like EUR")
    return accepted


def _text(column: Any, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text")
    _plain(value)
    if len(value) > column.max_length:
        raise ValueError(f"must be at most {column.max_length} characters, and has {len(value)}")
    return str(value)


def _plain(text: str) -> None:
    if "\x00" in text:
        raise ValueError("must not contain the character NUL")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must not contain half of a surrogate pair") from None


def _choice(column: Any, value: Any) -> Any:
    try:
        return column.enum(value)
    except ValueError:
        raise ValueError(f"must be one of {', '.join(column.enum)}") from None


def _choices(column: Any, value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise ValueError("must be a list")
    return list(dict.fromkeys(_choice(column, item) for item in value))


def _uuid(_column: Any, value: Any) -> UUID:
    if not isinstance(value, UUID):
        raise ValueError("must be an id")
    return value


def _whole(bits: int) -> Callable[[Any, Any], int]:
    def check(_column: Any, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError("must be a whole number")
        if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
            raise ValueError(f"must fit in {bits} bits")
        return value

    return check


def _flag(_column: Any, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _decimal(_column: Any, value: Any) -> Decimal:
    if isinstance(value, bool | float) or not isinstance(value, Decimal | int | str):
        raise ValueError("must be a decimal number")
    try:
        return decimals.from_scaled(decimals.to_scaled(Decimal(value)))
    except InvalidOperation:
        raise ValueError("must be a decimal number") from None


def _instant(_column: Any, value: Any) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("must be a date-time with an offset")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie between the years 1 and 9999") from None


def _day(_column: Any, value: Any) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError("must be a date")
    return value


def _json(_column: Any, value: Any) -> Any:
    try:
        made = orjson.dumps(value)
    except TypeError as error:
        raise ValueError("must be JSON: text without half surrogates, numbers of at most 64 bits") from error
    if b"\\u0000" in made:
        _no_nul(value)
    return orjson.loads(made)


def _no_nul(value: Any) -> None:
    if isinstance(value, str):
        _plain(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _plain(str(key))
            _no_nul(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _no_nul(item)


_KINDS: Final[Mapping[type[Column], Callable[[Any, Any], Any]]] = {
    Text: _text,
    Choice: _choice,
    ChoiceList: _choices,
    Uuid: _uuid,
    Int: _whole(32),
    BigInt: _whole(64),
    Flag: _flag,
    Scaled: _decimal,
    UtcDatetime: _instant,
    Day: _day,
    Json: _json,
}
