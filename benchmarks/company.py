"""The company that is measured, made from a seed.

Of everything two rows in a hundred are deleted. Relations are random: a customer has three contacts on average, but
also none or nine.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from crmcore.kit.text import fold

START = datetime(2025, 1, 1, tzinfo=UTC)
TODAY = date(2026, 1, 1)
STAGES = (
    ("Qualified", "OPEN", 10), ("Offer", "OPEN", 40), ("Negotiation", "OPEN", 70), ("Parked", "ON_HOLD", 20),
    ("Won", "WON", 100), ("Lost", "LOST", 0),
)  # fmt: skip
LIFECYCLE = ("PROSPECT", "NEW", "REPEAT", "LOYAL", "AT_RISK", "LOST", "WON_BACK")
INDUSTRIES = ("Retail", "Machinery", "Chemistry", "Food", "Health", "Energy", "Software", "Logistics")
WORDS = (
    "Nordlicht", "Sonne", "Æther", "Delta", "Café \"Zur Post\"", "Großmann", "Łódź", "Olé", "Vega", "华为", "中信",
    "Müller & Söhne", "O'Neill", "Quercus", "Atlas", "Ibérica",
)  # fmt: skip
FORMS = ("GmbH", "AG", "Ltd", "SARL", "S.p.A.", "有限公司", "Inc", "KG")
GIVEN = ("Anna", "Björn", "Chloé", "Dmitri", "Élodie", "Fátima", "Giorgio", "Hana", "伟", "Jörg", "Karol", "Lucía")
FAMILY = ("Schmidt", "García", "Novák", "Øster", "Petit", "王", "Rossi", "Šimić", "Tanaka", "Ünal", "Weiß", "Young")
CURRENCIES = ("EUR", "USD", "CNY")


@dataclass(frozen=True, slots=True)
class Size:
    """How many customers the first tenant has; everything else follows from it. The second has a quarter."""

    customers: int = 5_000

    @property
    def rows(self) -> dict[str, int]:
        n = self.customers
        return {
            "customer": n, "contact": 3 * n, "deal": 4 * n, "case": 2 * n, "order": 10 * n, "interaction": 12 * n,
            "care_plan": n // 5, "touchpoint": n,
        }  # fmt: skip


@dataclass(slots=True)
class Ids:
    """The keys of one tenant's rows."""

    tenant: UUID
    user: list[UUID] = field(default_factory=list)
    team: list[UUID] = field(default_factory=list)
    team_of: dict[UUID, UUID] = field(default_factory=dict)
    product: list[UUID] = field(default_factory=list)
    pipeline: list[UUID] = field(default_factory=list)
    stage: list[tuple[UUID, UUID, str, int]] = field(default_factory=list)
    customer: list[UUID] = field(default_factory=list)
    contact: list[UUID] = field(default_factory=list)
    deal: list[UUID] = field(default_factory=list)
    case: list[UUID] = field(default_factory=list)
    care_plan: list[tuple[UUID, UUID]] = field(default_factory=list)


Table = tuple[str, Sequence[str], Iterable[tuple[Any, ...]]]
SYSTEM = (
    "id", "tenant_id", "version", "created_at", "created_by_kind", "created_by_id", "updated_at", "updated_by_kind",
    "updated_by_id", "deleted_at", "deletion_id",
)  # fmt: skip


class Company:
    """One tenant's rows, table by table, in an order in which every reference is already there."""

    def __init__(self, tenant: UUID, size: Size, seed: int) -> None:
        self.random = random.Random(seed)
        self.ids = Ids(tenant)
        self.size = size

    def tables(self) -> Iterator[Table]:
        yield self._people_teams()
        yield self._people_users()
        yield self._products()
        yield self._pipelines()
        yield self._stages()
        yield self._customers()
        yield self._contacts()
        yield self._links()
        yield self._deals()
        yield self._cases()
        yield self._care_plans()
        yield self._touchpoints()
        yield self._orders()
        yield self._interactions()

    # ------------------------------------------------------------ what every row has

    def _system(self, at: datetime, *, living: bool = False) -> tuple[Any, ...]:
        key = self.key(at)
        gone = None if living or self.random.random() > 0.02 else at + timedelta(days=1)
        by = self.ids.user[0] if self.ids.user else None
        return (key, self.ids.tenant, 1, at, "USER", by, at, "USER", by, gone, key if gone else None)

    def key(self, at: datetime) -> UUID:
        """A UUIDv7 of that moment."""
        milliseconds = int(at.timestamp() * 1000)
        bits = self.random.getrandbits(74)
        return UUID(int=milliseconds << 80 | 7 << 76 | (bits >> 62) << 64 | 2 << 62 | bits & (1 << 62) - 1)

    def _moments(self, count: int) -> Iterator[datetime]:
        """`count` moments of a year in their order, no two alike."""
        step = timedelta(days=365) / max(count, 1)
        for n in range(count):
            yield START + step * n + timedelta(microseconds=self.random.randrange(max(step.seconds, 1) * 500_000))

    def _rows(self, table: str, columns: Sequence[str], row: Callable[[UUID, datetime, int], tuple[Any, ...]],
              count: int, *, living: bool = False) -> Table:  # fmt: skip
        def made() -> Iterator[tuple[Any, ...]]:
            for n, at in enumerate(self._moments(count)):
                system = self._system(at, living=living)
                yield system + row(system[0], at, n)

        return table, (*SYSTEM, *columns), made()

    def _owner(self) -> tuple[UUID | None, UUID | None]:
        if self.random.random() < 0.05:
            return None, None
        user = self.random.choice(self.ids.user)
        return user, self.ids.team_of[user]

    def _day(self, at: datetime, within: int) -> date:
        return (at + timedelta(days=self.random.randrange(within))).date()

    # ------------------------------------------------------------ people and catalogue

    def _people_teams(self) -> Table:
        def row(key: UUID, at: datetime, n: int) -> tuple[Any, ...]:
            self.ids.team.append(key)
            return (f"Team {n}", f"team {n}")

        return self._rows("team", ("name", "name_folded"), row, 5, living=True)

    def _people_users(self) -> Table:
        def row(key: UUID, at: datetime, n: int) -> tuple[Any, ...]:
            self.ids.user.append(key)
            team = self.ids.team_of[key] = self.ids.team[n % len(self.ids.team)]
            name, email = f"{GIVEN[n % 12]} {FAMILY[n * 7 % 12]}", f"user{n}@example.com"
            return (name, fold(name), email, email, team, True)

        return self._rows("user", ("name", "name_folded", "email", "email_folded", "team_id", "is_active"), row, 50)

    def _products(self) -> Table:
        def row(key: UUID, at: datetime, n: int) -> tuple[Any, ...]:
            self.ids.product.append(key)
            return (f"P-{n}", f"Product {n}", f"product {n}", "GOODS", True)

        return self._rows("product", ("sku", "name", "name_folded", "type", "is_active"), row, 50)

    def _pipelines(self) -> Table:
        def row(key: UUID, at: datetime, n: int) -> tuple[Any, ...]:
            self.ids.pipeline.append(key)
            name = ("Sales", "Renewals")[n]
            return (name, fold(name), ("SALES", "RENEWAL")[n], True)

        return self._rows("pipeline", ("name", "name_folded", "kind", "is_default"), row, 2, living=True)

    def _stages(self) -> Table:
        def row(key: UUID, at: datetime, n: int) -> tuple[Any, ...]:
            name, kind, chance = STAGES[n % len(STAGES)]
            pipeline = self.ids.pipeline[n // len(STAGES)]
            self.ids.stage.append((key, pipeline, kind, chance))
            return (pipeline, name, fold(name), n % len(STAGES) + 1, kind, chance, "[]", "[]")

        columns = (
            "pipeline_id", "name", "name_folded", "position", "type", "probability", "allowed_next", "required_fields",
        )  # fmt: skip
        return self._rows("stage", columns, row, 2 * len(STAGES), living=True)

    # ------------------------------------------------------------ customers

    def _customers(self) -> Table:
        pick = self.random.choice

        def row(key: UUID, at: datetime, n: int) -> tuple[Any, ...]:
            self.ids.customer.append(key)
            name = f"{pick(WORDS)} {pick(WORDS)} {pick(FORMS)}" if n % 5 else f"{pick(GIVEN)} {pick(FAMILY)}"
            money = (self.random.randrange(10**12), pick(CURRENCIES)) if n % 4 else (None, None)
            return (
                "ORGANIZATION" if n % 5 else "PERSON", name, fold(name), '["CUSTOMER"]',
                pick(INDUSTRIES) if n % 9 else None, self.random.randrange(1, 2000) if n % 7 else None, *money,
                pick(LIFECYCLE), n % 20 == 0, at + timedelta(days=30, microseconds=n * 1000) if n % 3 else None,
                *self._owner(),
            )  # fmt: skip

        columns = (
            "kind", "name", "name_folded", "roles", "industry", "employees", "annual_revenue",
            "annual_revenue_currency", "lifecycle_stage", "is_key_account", "last_order_at", "owner_id", "team_id",
        )  # fmt: skip
        return self._rows("customer", columns, row, self.size.customers)

    def _contacts(self) -> Table:
        def row(key: UUID, at: datetime, n: int) -> tuple[Any, ...]:
            self.ids.contact.append(key)
            first, last = self.random.choice(GIVEN), self.random.choice(FAMILY)
            title = self.random.choice(("CEO", "Buyer", "Head of purchasing", None))
            return (first, last, f"{first} {last}", fold(f"{first} {last}"), "GIVEN_FIRST", title, False)

        columns = ("first_name", "last_name", "name", "name_folded", "native_name_order", "title", "do_not_contact")
        return self._rows("contact", columns, row, self.size.rows["contact"])

    def _links(self) -> Table:
        def row(key: UUID, at: datetime, n: int) -> tuple[Any, ...]:
            role = self.random.choice(("BUYER", "USER", "PAYER", None))
            return (self.random.choice(self.ids.customer), self.ids.contact[n], role, False)

        columns = ("customer_id", "contact_id", "role", "is_primary")
        return self._rows("contact_link", columns, row, self.size.rows["contact"])

    # ------------------------------------------------------------ what goes on with them

    def _deals(self) -> Table:
        def row(key: UUID, at: datetime, n: int) -> tuple[Any, ...]:
            self.ids.deal.append(key)
            stage, pipeline, kind, chance = self.random.choice(self.ids.stage)
            name = f"{self.random.choice(WORDS)} {n}"
            money = (self.random.randrange(10**10), self.random.choice(CURRENCIES)) if n % 10 else (None, None)
            closed = at + timedelta(days=60) if kind in {"WON", "LOST"} else None
            expected = self._day(at, 500) if n % 12 else None
            customer = self.random.choice(self.ids.customer) if n % 25 else None
            return (
                name, fold(name), customer, pipeline, stage, self.random.choice(("NEW", "RENEWAL", "UP_SELL")), *money,
                chance, at.date(), expected, at + timedelta(hours=n % 500), closed,
                self.random.choice(("web", "fair", None)), *self._owner(),
            )  # fmt: skip

        columns = (
            "name", "name_folded", "customer_id", "pipeline_id", "stage_id", "kind", "amount", "currency",
            "probability", "opened_on", "expected_close_on", "stage_entered_at", "closed_at", "source",
            "owner_id", "team_id",
        )  # fmt: skip
        return self._rows("deal", columns, row, self.size.rows["deal"])

    def _cases(self) -> Table:
        states = ("NEW", "OPEN", "WAITING_CUSTOMER", "ON_HOLD", "RESOLVED", "CLOSED", "CLOSED", "CLOSED")

        def row(key: UUID, at: datetime, n: int) -> tuple[Any, ...]:
            self.ids.case.append(key)
            return (
                f"C-{n}", self.random.choice(("ENQUIRY", "COMPLAINT", "TECHNICAL")),
                f"About {self.random.choice(WORDS)}", self.random.choice(self.ids.customer),
                self.random.choice(("LOW", "NORMAL", "HIGH")), self.random.choice(states), 0, *self._owner(),
            )  # fmt: skip

        columns = (
            "number", "type", "subject", "customer_id", "priority", "status", "reopen_count", "owner_id", "team_id",
        )  # fmt: skip
        return self._rows("case", columns, row, self.size.rows["case"])

    def _care_plans(self) -> Table:
        def row(key: UUID, at: datetime, n: int) -> tuple[Any, ...]:
            customer = self.random.choice(self.ids.customer)
            self.ids.care_plan.append((key, customer))
            return (customer, f"Care {n}", "ACTIVE", at.date(), *self._owner())

        columns = ("customer_id", "name", "status", "starts_on", "owner_id", "team_id")
        return self._rows("care_plan", columns, row, self.size.rows["care_plan"])

    def _touchpoints(self) -> Table:
        def row(key: UUID, at: datetime, n: int) -> tuple[Any, ...]:
            plan, customer = self.random.choice(self.ids.care_plan)
            return (
                plan, customer, self.random.choice(("CADENCE", "BIRTHDAY", "HOLIDAY")), self._day(at, 400),
                self.random.choice(("PHONE", "EMAIL", None)), self.random.choice(("PLANNED", "DUE", "DONE")), 0,
            )  # fmt: skip

        columns = ("care_plan_id", "customer_id", "occasion", "planned_on", "channel", "status", "reschedule_count")
        return self._rows("touchpoint", columns, row, self.size.rows["touchpoint"])

    def _orders(self) -> Table:
        def row(key: UUID, at: datetime, n: int) -> tuple[Any, ...]:
            return (
                f"O-{n}", self.random.choice(self.ids.customer), self.random.choice(self.ids.user),
                self.random.choice(("PLACED", "SHIPPED", "CLOSED")), self.random.choice(CURRENCIES),
                self.random.randrange(10**9), at + timedelta(microseconds=n) if n % 15 else None,
            )  # fmt: skip

        columns = ("number", "customer_id", "user_id", "status", "currency", "total", "placed_at")
        return self._rows("order", columns, row, self.size.rows["order"])

    def _interactions(self) -> Table:
        def row(key: UUID, at: datetime, n: int) -> tuple[Any, ...]:
            return (
                self.random.choice(("CALL", "EMAIL", "MEETING", "NOTE")), self.random.choice(("IN", "OUT", "INTERNAL")),
                at - timedelta(minutes=n % 5000), f"On {self.random.choice(WORDS)}" if n % 6 else None,
                "What was said. " * (n % 8), False, self.random.choice(self.ids.customer),
                self.random.choice(self.ids.user) if n % 4 else None,
            )  # fmt: skip

        columns = ("kind", "direction", "at", "subject", "body", "is_first_response", "customer_id", "user_id")
        return self._rows("interaction", columns, row, self.size.rows["interaction"])
