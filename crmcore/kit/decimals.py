"""Decimals as the database keeps them: whole ten-thousandths, exact to add, compare and sort."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Final

PLACES: Final = 4
LIMIT: Final = 2**63 - 1
_DIGITS: Final = len(str(LIMIT))
_WIDE: Final = Context(prec=100)


def to_scaled(number: Decimal) -> int:
    """Ten-thousandths. ValueError for NaN, infinity, more than four places or a number beyond 64 bits."""
    if not number.is_finite():
        raise ValueError("must be a finite number")
    if number.adjusted() > _DIGITS:
        raise ValueError("is too large")
    scaled = number.scaleb(PLACES, _WIDE)
    whole = int(scaled)
    if whole != scaled:
        raise ValueError(f"has more than {PLACES} decimal places")
    if abs(whole) > LIMIT:
        raise ValueError("is too large")
    return whole


def from_scaled(whole: int) -> Decimal:
    """The decimal of ten-thousandths, always with four places."""
    return Decimal(whole).scaleb(-PLACES)


def scaled_text(whole: int) -> str:
    """`12.5000`: the API's form of ten-thousandths."""
    sign, digits = ("-", -whole) if whole < 0 else ("", whole)
    return f"{sign}{digits // 10000}.{digits % 10000:04d}"
