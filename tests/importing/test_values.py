"""Text of a file as values: what is read, and in which words the rest is refused."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from crmcore.domain.customers import Channel, CustomerRole
from crmcore.importing.values import Notation, converter
from crmcore.platform.fields import Choice, ChoiceList, Day, Flag, Int, Scaled, Text, UtcDatetime

GERMAN = Notation(decimal=",", thousands=".", dates=("%d.%m.%Y",), zone=ZoneInfo("Europe/Berlin"))
PLAIN = Notation()


@pytest.mark.parametrize(
    "column, notation, text, value",
    [
        (Scaled(), PLAIN, "1265793.0395", Decimal("1265793.0395")),
        (Scaled(), PLAIN, "-.5", Decimal("-0.5")),
        (Scaled(), GERMAN, "1.234.567,89", Decimal("1234567.89")),
        (Scaled(), Notation(multiply=Decimal(1000000)), "8170.38", Decimal(8170380000)),
        (Int(), PLAIN, "42", 42),
        (Int(), Notation(multiply=Decimal(1000)), "1.5", 1500),
        (Flag(), PLAIN, "Yes", True),
        (Flag(), PLAIN, "0", False),
        (Day(), GERMAN, "31.12.2026", date(2026, 12, 31)),
        (UtcDatetime(), GERMAN, "31.12.2026", datetime(2026, 12, 30, 23, tzinfo=UTC)),
        (UtcDatetime(), PLAIN, "2026-12-31T10:00:00+02:00", datetime(2026, 12, 31, 8, tzinfo=UTC)),
        (UtcDatetime(), PLAIN, "2026-12-31 10:00", datetime(2026, 12, 31, 10, tzinfo=UTC)),
        (Choice(Channel), PLAIN, "in person", Channel.IN_PERSON),
        (ChoiceList(CustomerRole), PLAIN, "CUSTOMER; partner", [CustomerRole.CUSTOMER, CustomerRole.PARTNER]),
        (Text(50), PLAIN, "1,5", "1,5"),
    ],
)
def test_what_is_read(column, notation: Notation, text: str, value):
    assert converter(column, notation)(text) == value


@pytest.mark.parametrize(
    "column, notation, text, sentence",
    [
        (Scaled(), PLAIN, "1,5", "'1,5' is not a number"),
        (Scaled(), PLAIN, "NaN", "'NaN' is not a number"),
        (Scaled(), PLAIN, "1e5", "'1e5' is not a number"),
        (Scaled(), PLAIN, "٣", "is not a number"),
        (Scaled(), PLAIN, "0.00001", "'0.00001' has more than 4 decimal places"),
        (Scaled(), PLAIN, "9" * 20, "is too large"),
        (Scaled(), Notation(decimal=","), "1.5", "'1.5' is not a number written with ','"),
        (Int(), PLAIN, "1.5", "'1.5' is not a whole number"),
        (Flag(), PLAIN, "maybe", "'maybe' is neither true nor false"),
        (Day(), PLAIN, "31.12.2026", "'31.12.2026' is not a date written as %Y-%m-%d"),
        (Day(), PLAIN, "2026-02-30", "is not a date"),
        (Choice(Channel), PLAIN, "pigeon", "'pigeon' is none of PHONE, EMAIL"),
    ],
)
def test_what_is_refused(column, notation: Notation, text: str, sentence: str):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        converter(column, notation)(text)
