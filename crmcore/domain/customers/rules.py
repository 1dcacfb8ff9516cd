"""What is valid about customers and how they are reached."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Final
from zoneinfo import available_timezones

from crmcore.errors import Invalid, Refusal
from crmcore.kit.emails import normal_email
from crmcore.kit.phones import normal_phone
from crmcore.kit.text import camel, fold
from crmcore.platform.record import Draft

OF_PERSONS: Final = ("birth_date", "gender")
OF_ORGANIZATIONS: Final = ("size", "employees", "founded_year")


def person_or_organization(draft: Draft) -> Iterable[Refusal]:
    """A birth date is a person's, a head count an organisation's."""
    kind = draft.after.get("kind")
    wrong, owner = (OF_PERSONS, "a person") if kind == "ORGANIZATION" else (OF_ORGANIZATIONS, "an organization")
    for column in wrong:
        if draft.after.get(column) is not None:
            name = camel(column)
            yield Invalid(f"{name} belongs to {owner}; this customer is of kind {kind}. Leave it out.", name)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def known_time_zone(draft: Draft) -> Iterable[Refusal]:
    """A time zone is one of the IANA names."""
    zone = draft.after.get("time_zone")
    if zone is not None and zone not in _zones():
        yield Invalid(f"timeZone {zone!r} is unknown: use an IANA name, like Europe/Berlin.", "timeZone")


def sensible_numbers(draft: Draft) -> Iterable[Refusal]:
    """Head counts are not negative, years are of our calendar, revenue has a currency."""
    after = draft.after
    employees, year = after.get("employees"), after.get("founded_year")
    if employees is not None and employees < 0:
        yield Invalid("employees must not be negative.", "employees")
    if year is not None and not 1 <= year <= 9999:
        yield Invalid("foundedYear must be a year, like 1998.", "foundedYear")
    if after.get("annual_revenue") is not None and after.get("annual_revenue_currency") is None:
        name = "annualRevenueCurrency"
        yield Invalid(f"annualRevenue needs its currency: give {name} too, like EUR.", name)


def exactly_one_party(draft: Draft) -> Iterable[Refusal]:
    """An address or contact point belongs to a customer or to a contact."""
    given = [c for c in ("customer_id", "contact_id") if draft.after.get(c) is not None]
    if len(given) != 1:
        yield Invalid("Give exactly one of customerId and contactId.", "contactId" if given else "customerId")


def normalize_point(draft: Draft) -> Iterable[Refusal]:
    """Derive `normalized`, by which two contact points are compared."""
    kind, value = draft.after.get("type"), draft.after.get("value")
    if kind is None or value is None:
        return
    try:
        draft.after["normalized"] = _normal(kind, value)
    except ValueError as error:
        yield Invalid(f"value {error}.", "value")


def _normal(kind: str, value: str) -> str:
    if kind == "EMAIL":
        return normal_email(value)
    if kind in ("PHONE", "MOBILE", "FAX"):
        return normal_phone(value)
    return fold(value.strip())[:320]
