"""Values: as the API writes them, as they sort, and whether what a filter says of them holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from crmcore.kit.text import fold
from crmcore.query import ColumnField, RecordType, ValueField
from tests.differential.company import Row
from tests.differential.computed import column


def plain(held: Any) -> Any:
    return held.value if isinstance(held, Enum) else held


def sort_value(field_: ValueField) -> Callable[[Row], Any]:
    """What a row is sorted by: names by their folded form, ids as text."""
    key = field_.folded if isinstance(field_, ColumnField) and field_.folded else column(field_)
    return lambda row: str(row[key]) if isinstance(row[key], UUID) else plain(row[key])


def shown(record: RecordType, field_: ValueField, row: Row) -> Any:
    """A value as the API writes it."""
    held = row[column(field_)]
    if field_.name == "id":
        return f"{record.table}_{held}"
    return form(held)


def form(held: Any) -> Any:
    if isinstance(held, Enum):
        return held.value
    if isinstance(held, datetime):
        return held.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(held, date):
        return held.isoformat()
    if isinstance(held, Decimal):
        return decimal(held)
    if isinstance(held, list):
        return [form(item) for item in held]
    return held


def decimal(held: Any) -> str:
    return f"{Decimal(held):.4f}"


def money(amount: Any, currency: Any) -> Any:
    return None if amount is None else {"amount": decimal(amount), "currencyCode": currency}


_TEXT: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda held, part: part in held,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "iEq": lambda held, part: fold(held) == fold(part),
    "iContains": lambda held, part: fold(part) in fold(held),
    "iStartsWith": lambda held, part: fold(held).startswith(fold(part)),
    "iEndsWith": lambda held, part: fold(held).endswith(fold(part)),
}  # fmt: skip


def operand(kind: str, given: Any) -> Any:
    """A value of a filter in the form in which it compares."""
    if given is None or kind in ("text", "choice", "uuid", "int", "bool"):
        return given
    if isinstance(given, list):
        return [operand(kind, item) for item in given]
    if kind == "decimal":
        return Decimal(given)
    if kind == "datetime":
        return datetime.fromisoformat(given)
    if kind == "date":
        return date.fromisoformat(given)
    return given


def compared(kind: str, held: Any, wanted: dict[str, Any]) -> bool:
    """Whether all operators of a filter hold for a value."""
    held = [plain(h) for h in held] if isinstance(held, list) else plain(held)
    return all(_operator(kind, held, name, given) for name, given in wanted.items())


def _operator(kind: str, held: Any, name: str, given: Any) -> bool:
    if name == "isNull":
        return (held is None) is given
    if name == "isEmpty":
        return (held == []) is given
    if name == "eq":
        return bool(held == operand(kind, given))
    if name == "ne":
        return bool(held != operand(kind, given))
    if name == "notIn":
        return held not in operand(kind, given)
    if name == "iNe":
        return held is None or fold(held) != fold(given)
    if held is None:
        return False
    if name == "iIn":
        return fold(held) in [fold(item) for item in given]
    if name == "hasAll":
        return all(item in held for item in given)
    if name == "in":
        return held in operand(kind, given)
    if name == "has":
        return given in held
    if name == "hasAny":
        return any(item in held for item in given)
    if name in _TEXT:
        return _TEXT[name](held, given)
    wanted = operand(kind, given)
    return bool({"lt": held < wanted, "lte": held <= wanted, "gt": held > wanted, "gte": held >= wanted}[name])
