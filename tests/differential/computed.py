"""The core's computed fields, said in Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

from crmcore.query import ColumnField, MoneyField, ValueField
from tests.differential.company import Row

DONE = ("RESOLVED", "CLOSED", "REJECTED", "DUPLICATE", "MERGED")


def column(field_: ValueField) -> str:
    """Under which key a row has the value of a field: computed ones have their own names."""
    return field_.column if isinstance(field_, ColumnField) else field_.name


def fill(reference: Any) -> None:
    """Put the values of computed fields into the rows, as this caller sees them."""
    for record in reference.registry.records.values():
        for field_ in record.fields.values():
            value = field_.amount if isinstance(field_, MoneyField) else field_
            if isinstance(value, ValueField) and not isinstance(value, ColumnField):
                compute = _COMPUTED[f"{record.name}.{value.name}"]
                for row in reference.tables[record.model]:
                    row[value.name] = compute(reference, row)


def figure(function: str, values: Sequence[Any]) -> Any:
    """Of the values that are there; null without any."""
    if not values:
        return None
    if function in ("min", "max"):
        return min(values) if function == "min" else max(values)
    total = sum(Decimal(v) for v in values)
    if function == "sum":
        return total
    with localcontext() as context:
        context.prec = 60
        return (total / len(values)).quantize(Decimal("0.0001"), ROUND_HALF_EVEN)


def _weighted(_reference: Any, row: Row) -> Any:
    return None if row["amount"] is None else figure("avg", [row["amount"] * row["probability"], *[0] * 99])


def _overdue(_reference: Any, row: Row) -> bool:
    return row["status"] == "OPEN" and row["due_at"] is not None and row["due_at"] < datetime.now(UTC)


def _open_deals(reference: Any, row: Row) -> int:
    record = reference.registry.records
    deals = reference.many(record["Customer"].fields["deals"], row)[1]
    stages = [reference.one(record["Deal"].fields["stage"], deal) for deal in deals]
    return len([stage for stage in stages if stage is not None and stage.row["type"] == "OPEN"])


def _open_cases(reference: Any, row: Row) -> int:
    cases = reference.many(reference.registry.records["Customer"].fields["cases"], row)[1]
    return len([case for case in cases if case["status"] not in DONE])


def _in_force(_reference: Any, row: Row) -> bool:
    ends = row["expires_at"]
    return row["is_current"] and row["state"] == "GRANTED" and (ends is None or ends > datetime.now(UTC))


_COMPUTED: dict[str, Callable[[Any, Row], Any]] = {
    "Deal.weightedAmount": _weighted, "Task.isOverdue": _overdue, "Customer.openDealCount": _open_deals,
    "Customer.openCaseCount": _open_cases, "Consent.inForce": _in_force,
}  # fmt: skip
