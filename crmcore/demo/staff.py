"""The demo's own company: teams, users, pipelines and products. All there before its first customer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from decimal import Decimal
from random import Random
from typing import Any, Final
from uuid import UUID

from crmcore.demo.countries import COUNTRIES
from crmcore.demo.diary import Diary
from crmcore.demo.people import person
from crmcore.demo.words import COMPANY, PRODUCTS
from crmcore.domain.catalogue import Product
from crmcore.domain.deals import Pipeline, Stage
from crmcore.domain.people import Team, User

TEAMS: Final = (
    # name, country codes whose customers it looks after, where its people are from, how many
    ("Germany", "DE", "DE", 7),
    ("France and Iberia", "FR ES", "FR", 6),
    ("United Kingdom and Nordics", "GB SE", "GB", 5),
    ("Central and Eastern Europe", "PL TR", "PL", 4),
    ("Americas", "US BR", "US", 5),
    ("中国", "CN", "CN", 6),
)
STAGES: Final = {
    "New business": (
        ("Qualification", "OPEN", 10, 14),
        ("Needs analysis", "OPEN", 25, 21),
        ("Offer", "OPEN", 50, 21),
        ("Negotiation", "OPEN", 75, 14),
        ("On hold", "ON_HOLD", 20, 60),
        ("Won", "WON", 100, None),
        ("Lost", "LOST", 0, None),
    ),
    "Renewals": (
        ("Due", "OPEN", 50, 30),
        ("Offer sent", "OPEN", 70, 21),
        ("Renewed", "WON", 100, None),
        ("Not renewed", "LOST", 0, None),
    ),
}


@dataclass(frozen=True, slots=True)
class Colleague:
    id: UUID
    team: UUID


@dataclass(frozen=True, slots=True)
class Article:
    """A product on the price list, in euros."""

    id: UUID
    name: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class Way:
    """A pipeline: its open stages in order, and its ends."""

    id: UUID
    steps: tuple[UUID, ...]
    hold: UUID | None
    won: UUID
    lost: UUID


@dataclass(slots=True)
class Staff:
    """What the rest of the demo needs to know of the company."""

    company: UUID
    sellers: dict[str, list[Colleague]] = field(default_factory=dict)
    service: list[Colleague] = field(default_factory=list)
    care: list[Colleague] = field(default_factory=list)
    articles: list[Article] = field(default_factory=list)
    new_business: Way = None  # type: ignore[assignment]  # set when the pipelines are made
    renewals: Way = None  # type: ignore[assignment]


def found(diary: Diary) -> Staff:
    """Found the company, on the first day."""
    random = diary.random("staff")
    at = datetime.combine(diary.first, time(6), UTC)
    company = diary.create(at, Team, {"name": COMPANY})
    staff, taken = Staff(company), set[str]()
    sales = diary.create(at, Team, {"name": "Sales", "parent_id": company})
    for name, codes, home, people in TEAMS:
        team = _Group(diary, at, random, taken, diary.create(at, Team, {"name": name, "parent_id": sales}))
        members = [team.join(home) for _ in range(people)]
        for code in codes.split():
            staff.sellers[code] = members
    service = _Group(diary, at, random, taken, diary.create(at, Team, {"name": "Service", "parent_id": company}))
    staff.service = [service.join(code) for code in ("DE", "GB", "CN", "FR", "PL", "US", "ES", "DE")]
    care = _Group(diary, at, random, taken, diary.create(at, Team, {"name": "Customer care", "parent_id": company}))
    staff.care = [care.join(code) for code in ("DE", "FR", "CN", "GB", "US")]
    staff.articles = [_article(diary, at, *row) for row in PRODUCTS]
    staff.new_business = _pipeline(diary, at, "New business", "SALES")
    staff.renewals = _pipeline(diary, at, "Renewals", "RENEWAL")
    return staff


@dataclass(slots=True)
class _Group:
    diary: Diary
    at: datetime
    random: Random
    taken: set[str]
    team: UUID
    managed: bool = False

    def join(self, home: str) -> Colleague:
        country = next(c for c in COUNTRIES if c.code == home)
        someone = person(self.random, country)
        while someone.plain in self.taken:
            someone = person(self.random, country)
        self.taken.add(someone.plain)
        parts = (someone.last, someone.first) if someone.family_first else (someone.first, someone.last)
        values: dict[str, Any] = {
            "name": ("" if country.code == "CN" else " ").join(parts),
            "email": f"{someone.plain}@helios.example.com",
            "team_id": self.team,
        }
        key = self.diary.create(self.at, User, values)
        if not self.managed:
            self.diary.update(self.at, Team, self.team, {"manager_id": key})
            self.managed = True
        return Colleague(key, self.team)


def _article(
    diary: Diary, at: datetime, sku: str, name: str, category: str, kind: str, unit: str, price: str
) -> Article:
    values = {"sku": sku, "name": name, "category": category, "type": kind, "unit": unit}
    key = diary.create(at, Product, {**values, "list_price": Decimal(price), "currency": "EUR"})
    return Article(key, name, Decimal(price))


def _pipeline(diary: Diary, at: datetime, name: str, kind: str) -> Way:
    pipeline = diary.create(at, Pipeline, {"name": name, "kind": kind, "is_default": True})
    made: dict[str, list[UUID]] = {}
    for position, (stage, kind_of_stage, probability, rotten) in enumerate(STAGES[name], 1):
        values = {"pipeline_id": pipeline, "name": stage, "position": position, "type": kind_of_stage}
        key = diary.create(at, Stage, {**values, "probability": probability, "rotten_after_days": rotten})
        made.setdefault(kind_of_stage, []).append(key)
    hold = made.get("ON_HOLD", [None])[0]
    return Way(pipeline, tuple(made["OPEN"]), hold, made["WON"][0], made["LOST"][0])
