"""Whole numbers beyond 64 bits for SQLite, which has none: as text that sorts like the numbers.

What is summed there is taken apart first: neither the sum of the high halves nor that of the low halves can overflow.
"""

from __future__ import annotations

from typing import Final

from crmcore.kit.decimals import scaled_text

LOW: Final = 2**32
_ZERO: Final = 10**40
_DIGITS: Final = 41


def to_sortable(whole: int) -> str:
    """The number as text; its absolute value must be less than 10**40."""
    return f"{whole + _ZERO:0{_DIGITS}d}"


def from_sortable(text: str) -> int:
    return int(text) - _ZERO


def total(high: int | None, low: int | None, factor: int) -> str | None:
    """The sum of which these are the halves, times `factor`, sortable."""
    return None if high is None or low is None else to_sortable((high * LOW + low) * factor)


def average(high: int | None, low: int | None, count: int, factor: int) -> str | None:
    """That total divided by `count`, rounded half-even, sortable."""
    if high is None or low is None or not count:
        return None
    quotient, rest = divmod((high * LOW + low) * factor, count)
    up = 2 * rest > count or (2 * rest == count and quotient % 2)
    return to_sortable(quotient + bool(up))


def decimal(text: str | None) -> str | None:
    """A sortable number of ten-thousandths in the API's form."""
    return None if text is None else scaled_text(from_sortable(text))
