"""The demo's customers, their contacts, and where and how they are reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from crmcore.demo.countries import COUNTRIES, Country
from crmcore.demo.diary import DAYS, Diary, between, moment, pick, workday
from crmcore.demo.people import address, company, domain, person, phone
from crmcore.demo.staff import Colleague, Staff
from crmcore.demo.words import SOURCES, TITLES
from crmcore.domain.contacts import Contact, ContactLink
from crmcore.domain.customers import Address, ContactPoint, Customer

CUSTOMERS = 2000


@dataclass(slots=True)
class Client:
    """A customer as the rest of the demo needs it. `weight` says how much more happens with it than with others."""

    id: UUID
    name: str
    country: Country
    since: date
    is_person: bool
    weight: float
    owner: Colleague
    values: dict[str, Any]
    domain: str
    contacts: list[UUID] = field(default_factory=list)
    orders: int = 0
    last_order: date | None = None


def acquire(diary: Diary, staff: Staff) -> list[Client]:
    """All customers, most of them there on the first day, the others won during the year."""
    random = diary.random("customers")
    clients: list[Client] = []
    names: set[str] = set()
    for number in range(1, diary.count(CUSTOMERS) + 1):
        client = _client(diary, staff, random, clients, names, number)
        clients.append(client)
        _reach(diary, random, client, number)
    return clients


def settle(diary: Diary, clients: list[Client]) -> None:
    """What the year has made of them: stages of the customer's life follow from the orders."""
    random = diary.random("lifecycle")
    for client in clients:
        client.values["lifecycle_stage"] = _stage(diary, random, client)


def _stage(diary: Diary, random: Random, client: Client) -> str:
    if client.last_order is None:
        return "PROSPECT"
    quiet = (diary.today - client.last_order).days
    if quiet > 200:
        return "LOST" if quiet > 280 else "AT_RISK"
    if client.orders == 1:
        return "NEW"
    if client.orders >= 5:
        return "LOYAL"
    return "WON_BACK" if random.random() < 0.03 else "REPEAT"


def _client(diary: Diary, staff: Staff, random: Random, clients: list[Client], names: set[str], number: int) -> Client:
    country = pick(random, [(c, c.share) for c in COUNTRIES])
    is_person = random.random() < 0.18
    old = random.random() < 0.7
    since = diary.first if old else workday(between(random, diary.first + timedelta(days=1), diary.last))
    since = min(since, diary.last - timedelta(days=1))
    at = datetime.combine(since, time(6, 30), UTC) if old else moment(random, since)
    owner = random.choice(staff.sellers[country.code])
    importance = "C" if is_person else pick(random, [("A", 5), ("B", 15), ("C", 80)])
    values: dict[str, Any] = {
        "language": country.language,
        "time_zone": country.zone,
        "source": random.choice(SOURCES.split()).replace("_", " "),
        "preferred_channel": pick(random, [("PHONE", 4), ("EMAIL", 5), ("IN_PERSON", 1), (None, 3)]),
        "importance": importance,
        "importance_basis": "COMPUTED",
        "is_key_account": importance == "A",
        "owner_id": owner.id,
        "team_id": owner.team,
        "verified_at": at - timedelta(days=random.randrange(400)) if random.random() < 0.6 else None,
    }
    if is_person:
        site = _private(random, country, values)
    else:
        site = _business(random, country, values, names, importance, number)
        values["parent_id"] = _parent(random, clients, country, since, importance)
    key = diary.create(at, Customer, values)
    weight = {"A": 14.0, "B": 4.0, "C": 1.0}[importance] * random.lognormvariate(0, 0.5) * (0.4 if is_person else 1)
    return Client(key, values["name"], country, since, is_person, weight, owner, values, site)


def _private(random: Random, country: Country, values: dict[str, Any]) -> str:
    someone = person(random, country)
    parts = (someone.last, someone.first) if someone.family_first else (someone.first, someone.last)
    born = date(random.randint(1945, 2003), random.randint(1, 12), random.randint(1, 28))
    values |= {
        "kind": "PERSON",
        "name": ("" if country.code == "CN" else " ").join(parts),
        "birth_date": born,
        "gender": "FEMALE" if someone.female else "MALE",
    }
    return someone.plain


def _business(
    random: Random, country: Country, values: dict[str, Any], names: set[str], importance: str, number: int
) -> str:
    name, legal, industry = company(random, country)
    while name in names:
        name, legal, industry = company(random, country)
        if name in names:
            city = random.choice(country.cities.split()).partition(":")[0].replace("_", " ")
            name, legal = f"{name} {city}", f"{legal} {city}"
    names.add(name)
    staff = max(2, round(random.lognormvariate({"A": 6.8, "B": 5.2, "C": 3.4}[importance], 0.9)))
    turnover = Decimal(round(staff * random.lognormvariate(5.0, 0.4))) * 1000 * country.per_euro
    values |= {
        "kind": "ORGANIZATION",
        "name": name,
        "legal_name": legal,
        "industry": industry,
        "employees": staff,
        "size": "MICRO" if staff < 10 else "SMALL" if staff < 50 else "MEDIUM" if staff < 250 else "LARGE",
        "annual_revenue": turnover.quantize(Decimal(1)),
        "annual_revenue_currency": country.currency,
        "founded_year": random.randint(1880, 2021) if random.random() < 0.8 else None,
        "tax_id": f"{country.code}{100_000_000 + number * 7919 % 899_999_999}" if random.random() < 0.7 else None,
        "roles": ["CUSTOMER", "PARTNER"] if random.random() < 0.05 else ["CUSTOMER"],
    }
    return domain(name, country, number)


def _parent(random: Random, clients: list[Client], country: Country, since: date, importance: str) -> UUID | None:
    """One in twelve belongs to a larger company that was a customer before it."""
    if importance == "A" or random.random() > 0.085:
        return None
    earlier = [c for c in clients[-300:] if c.since < since or c.since == clients[0].since == since]
    larger = [c for c in earlier if c.values["importance"] in "AB" and not c.is_person]
    near = [c for c in larger if c.country is country] or larger
    return random.choice(near).id if near else None


def _reach(diary: Diary, random: Random, client: Client, number: int) -> None:
    """Addresses, numbers and the people there."""
    at = datetime.combine(client.since, time(6, 30) if client.since == diary.first else time(17, 30), UTC)
    country, whose = client.country, {"customer_id": client.id}
    kinds = ("BILLING",) if client.is_person or random.random() < 0.6 else ("BILLING", "SHIPPING")
    for kind in kinds:
        diary.create(at, Address, {**whose, "type": kind, **address(random, country)})
    email = f"{client.domain}.{number}@mail.example.com" if client.is_person else f"info@{client.domain}"
    _point(diary, at, whose, "EMAIL", email, primary=True, checked=random.random() < 0.5)
    mobile = client.is_person and random.random() < 0.7
    number_text = phone(random, country, mobile=mobile)
    _point(diary, at, whose, "MOBILE" if mobile else "PHONE", number_text, primary=False, checked=random.random() < 0.3)
    if client.is_person:
        return
    people = {"A": 6, "B": 4, "C": 2}[client.values["importance"]] + (random.random() < 0.55)
    emails: set[str] = set()
    for place in range(people):
        _contact(diary, random, at, client, emails, primary=place == 0)


def _contact(diary: Diary, random: Random, at: datetime, client: Client, emails: set[str], *, primary: bool) -> None:
    someone = person(random, client.country)
    title, role = random.choice(TITLES)
    values: dict[str, Any] = {
        "first_name": someone.first,
        "last_name": someone.last,
        "title": title,
        "native_name_order": "FAMILY_FIRST" if someone.family_first else "GIVEN_FIRST",
        "salutation": "Dr." if random.random() < 0.07 else None,
        "do_not_contact": random.random() < 0.01,
    }
    if random.random() < 0.3:
        values["birthday"] = date(random.randint(1956, 2001), random.randint(1, 12), random.randint(1, 28))
    key = diary.create(at, Contact, values)
    since = client.since - timedelta(days=random.randrange(DAYS * 3))
    link = {"customer_id": client.id, "contact_id": key, "role": role, "is_primary": primary, "valid_from": since}
    diary.create(at, ContactLink, link)
    client.contacts.append(key)
    local = someone.plain
    while local in emails:
        local = f"{someone.plain}{random.randint(2, 99)}"
    emails.add(local)
    _point(diary, at, {"contact_id": key}, "EMAIL", f"{local}@{client.domain}", primary=True, checked=True)
    if random.random() < 0.4:
        kind = random.choice(("PHONE", "MOBILE"))
        text = phone(random, client.country, mobile=kind == "MOBILE")
        _point(diary, at, {"contact_id": key}, kind, text, primary=False, checked=False)


def _point(
    diary: Diary, at: datetime, whose: dict[str, Any], kind: str, text: str, *, primary: bool, checked: bool
) -> None:
    status = "VALID" if checked else "UNVERIFIED"
    diary.create(at, ContactPoint, {**whose, "type": kind, "value": text, "is_primary": primary, "status": status})
