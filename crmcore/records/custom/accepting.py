"""Values of custom fields: what each type takes, how it is kept in the record's JSON, and where it can be found.

In the JSON a value has the API's form, so that it is shown as it is: decimals and times as text, a reference as a
global id, a MULTI_SELECT as a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from crmcore.kit import times
from crmcore.kit.decimals import to_scaled
from crmcore.kit.ids import from_global, to_global
from crmcore.kit.text import fold
from crmcore.platform.custom import NORMAL, CustomFieldType, Definition
from crmcore.platform.fields import Column, Day, Flag, Int, Scaled, Text, UtcDatetime
from crmcore.records.values import accept

LONGEST: Final = 500
_TEXT: Final = Text(LONGEST)

Accept = Callable[[Definition, Any], Any]


def accepted(definition: Definition, given: Any) -> Any:
    """The value as it is kept. ValueError says what is wrong with it, as the end of a sentence."""
    return _ACCEPT[definition.type](definition, given)


def _as_column(column: Column) -> Accept:
    return lambda definition, given: column.to_event(accept(definition.key, column, given))


def _text(definition: Definition, given: Any) -> str:
    found: str = accept("text", _TEXT, given)
    return found


def _normal(normal: Callable[[str], str]) -> Accept:
    return lambda definition, given: normal(_text(definition, given))


def _option(definition: Definition, given: Any) -> str:
    found = _text(definition, given)
    if found not in definition.options:
        raise ValueError(f"must be one of {', '.join(definition.options)}")
    return found


def _options(definition: Definition, given: Any) -> list[str] | None:
    if not isinstance(given, list | tuple):
        raise ValueError("must be a list")
    chosen = {_option(definition, one) for one in given}
    return [option for option in definition.options if option in chosen] or None


def _reference(definition: Definition, given: Any) -> str:
    try:
        kind, key = from_global(str(given))
    except ValueError:
        kind = ""
    if kind != definition.reference_type:
        raise ValueError(f"must be the id of a {definition.reference_type}")
    return to_global(kind, key)


_ACCEPT: Final[Mapping[CustomFieldType, Accept]] = {
    CustomFieldType.TEXT: _text,
    CustomFieldType.NUMBER: _as_column(Int()),
    CustomFieldType.DECIMAL: _as_column(Scaled()),
    CustomFieldType.BOOLEAN: _as_column(Flag()),
    CustomFieldType.DATE: _as_column(Day()),
    CustomFieldType.DATE_TIME: _as_column(UtcDatetime()),
    CustomFieldType.SELECT: _option,
    CustomFieldType.MULTI_SELECT: _options,
    CustomFieldType.REFERENCE: _reference,
    **{kind: _normal(normal) for kind, normal in NORMAL.items()},
}


def found_by(definition: Definition, kept: Any) -> Iterable[dict[str, Any]]:
    """The columns of CustomValue for a value as it is kept: one row, or one for each option."""
    if definition.type is CustomFieldType.MULTI_SELECT:
        return [_columns(definition, option) for option in kept]
    return [_columns(definition, kept)]


def _columns(definition: Definition, kept: Any) -> dict[str, Any]:
    match definition.type:
        case CustomFieldType.NUMBER | CustomFieldType.BOOLEAN:
            return {"number": int(kept)}
        case CustomFieldType.DECIMAL:
            return {"number": to_scaled(Decimal(kept))}
        case CustomFieldType.DATE:
            return {"day": date.fromisoformat(kept)}
        case CustomFieldType.DATE_TIME:
            return {"moment": times.from_text(kept)}
        case CustomFieldType.REFERENCE:
            return {"target_id": from_global(kept)[1]}
        case _:
            return {"text": kept, "folded": fold(kept)[:LONGEST]}


def held(definition: Definition, kept: Any) -> str | None:
    """The text by which a value is unique; None where it need not be."""
    if not definition.is_unique or kept is None:
        return None
    [columns] = found_by(definition, kept)
    return str(next(iter(columns.values())))
