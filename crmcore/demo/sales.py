"""The demo's deals on their way through two pipelines, and its orders: of won deals, and of customers who buy again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final
from uuid import UUID

from crmcore.demo.customers import Client
from crmcore.demo.diary import Diary, between, moment, pick, workday
from crmcore.demo.staff import Article, Staff, Way
from crmcore.demo.words import COMPETITORS, LOST_REASONS
from crmcore.domain.deals import Deal, Order, OrderLine

DEALS: Final = 3000
ORDERS: Final = 6000


@dataclass(frozen=True, slots=True)
class Talk:
    """Something that gives cause to talk with a customer, over a time."""

    client: Client
    first: date
    last: date
    words: dict[str, str]
    deal: UUID | None = None
    case: UUID | None = None
    touchpoint: UUID | None = None
    contact: UUID | None = None
    user: UUID | None = None


def sell(diary: Diary, staff: Staff, clients: list[Client]) -> list[Talk]:
    """All deals and orders; what there was to talk about."""
    seller = _Seller(diary, staff, diary.random("sales"))
    weights = [c.weight for c in clients]
    talks = [seller.deal(client) for client in seller.random.choices(clients, weights, k=diary.count(DEALS))]
    again = [c.weight * (1.6 if c.is_person else 1.0) for c in clients]
    while seller.orders < diary.count(ORDERS):
        seller.repeat(seller.random.choices(clients, again)[0])
    return talks


@dataclass(slots=True)
class _Seller:
    diary: Diary
    staff: Staff
    random: Random
    orders: int = 0

    def deal(self, client: Client) -> Talk:
        """A deal from its first day to its end, or to where it stands today."""
        renewal = client.orders > 2 and self.random.random() < 0.3
        way = self.staff.renewals if renewal else self.staff.new_business
        opened = workday(between(self.random, client.since + timedelta(days=1), self.diary.last))
        opened = opened if self.diary.knows(opened) else self.diary.last
        article = self._article(client)
        amount = self._amount(client)
        at = moment(self.random, opened)
        kind = (
            "RENEWAL"
            if renewal
            else pick(self.random, [("NEW", 5), ("CROSS_SELL", 2), ("UP_SELL", 2), ("WIN_BACK", 0.4)])
        )
        values: dict[str, Any] = {
            "name": f"{article.name} for {client.name}"[:300],
            "customer_id": client.id,
            "pipeline_id": way.id,
            "stage_id": way.steps[0],
            "product_id": article.id,
            "kind": kind,
            "amount": amount,
            "currency": client.country.currency,
            "opened_on": opened,
            "source": client.values["source"],
            "expected_close_on": opened + timedelta(days=round(self.random.lognormvariate(4.1, 0.4))),
            "owner_id": client.owner.id,
            "team_id": client.owner.team,
        }
        key = self.diary.create(at, Deal, values)
        ended = self._way(client, key, way, opened, article, amount, 0.72 if renewal else 0.5)
        contact = self.random.choice(client.contacts) if client.contacts else None
        return Talk(client, opened, ended, {"product": article.name}, deal=key, contact=contact, user=client.owner.id)

    def _way(
        self, client: Client, deal: UUID, way: Way, opened: date, article: Article, amount: Decimal, chance: float
    ) -> date:
        """The deal's moves as far as they are past; the last day on which it was open."""
        wins = self.random.random() < chance
        steps = list(way.steps[1:])
        if not wins:
            steps = steps[: self.random.randint(0, len(steps))]
        elif way.hold and self.random.random() < 0.08:
            steps = [steps[0], way.hold, *steps]
        day = opened
        for stage in [*steps, way.won if wins else way.lost]:
            day = workday(day + timedelta(days=1 + round(self.random.lognormvariate(2.4, 0.7))))
            if not self.diary.knows(day):
                return self.diary.last
            self._move(deal, stage, way, day)
        if wins:
            self._order(client, workday(day + timedelta(days=self.random.randint(1, 8))), deal, article, amount)
        return day

    def _move(self, deal: UUID, stage: UUID, way: Way, day: date) -> None:
        at = moment(self.random, day)
        values: dict[str, Any] = {"stage_id": stage}
        if stage == way.lost:
            values["lost_reason"] = self.random.choice(LOST_REASONS)
            if self.random.random() < 0.35:
                values["lost_to_competitor"] = self.random.choice(COMPETITORS.split())
        self.diary.update(at, Deal, deal, values, moves=True)

    def repeat(self, client: Client) -> None:
        """An order without a deal."""
        day = workday(between(self.random, client.since + timedelta(days=1), self.diary.last))
        self._order(client, min(day, self.diary.last), None, self._article(client), self._amount(client) / 6)

    def _order(self, client: Client, day: date, deal: UUID | None, article: Article, amount: Decimal) -> None:
        """An order of about that amount, if the day is past."""
        if not self.diary.knows(day) or self.orders >= self.diary.count(ORDERS):
            return
        at = moment(self.random, day)
        currency = client.country.currency
        values: dict[str, Any] = {
            "customer_id": client.id,
            "user_id": client.owner.id,
            "deal_id": deal,
            "currency": currency,
            "status": self._status(day),
            "placed_at": at,
        }
        key = self.diary.create(at, Order, values)
        self._lines(at, key, client, article, amount)
        self.orders += 1
        client.orders += 1
        client.last_order = max(client.last_order or day, day)

    def _lines(self, at: datetime, order: UUID, client: Client, article: Article, amount: Decimal) -> None:
        random = self.random
        others = random.sample(self.staff.articles, pick(random, [(0, 6), (1, 6), (2, 4), (3, 2), (5, 1)]))
        discount = pick(random, [("0", 70), ("0.05", 12), ("0.1", 12), ("0.15", 4), ("0.2", 2)])
        for position, sold in enumerate([article, *(a for a in others if a is not article)], 1):
            price = (sold.price * client.country.per_euro).quantize(Decimal("0.01"))
            share = amount / (1 if position == 1 else 8 * position)
            values = {
                "order_id": order,
                "product_id": sold.id,
                "position": position,
                "description": sold.name,
                "quantity": Decimal(max(1, min(400, round(share / price)))),
                "unit_price": price,
                "discount": Decimal(discount),
                "currency": client.country.currency,
            }
            self.diary.create(at, OrderLine, values)

    def _status(self, day: date) -> str:
        age = (self.diary.today - day).days
        if self.random.random() < 0.03:
            return "CANCELLED" if self.random.random() < 0.7 or age < 20 else "RETURNED"
        for limit, status in (
            (2, "PLACED"),
            (5, "CONFIRMED"),
            (10, "IN_FULFILMENT"),
            (18, "SHIPPED"),
            (60, "DELIVERED"),
        ):
            if age < limit:
                return status
        return "CLOSED"

    def _article(self, client: Client) -> Article:
        """Small customers buy small things."""
        articles = [a for a in self.staff.articles if not client.is_person or a.price < 700]
        return self.random.choice(articles)

    def _amount(self, client: Client) -> Decimal:
        """Log-normal, larger for important customers, to the nearest ten."""
        middle = {"A": 10.2, "B": 9.3, "C": 8.4}[client.values["importance"]] - (2.2 if client.is_person else 0)
        euros = Decimal(round(self.random.lognormvariate(middle, 0.9)))
        return max(Decimal(10), (euros * client.country.per_euro).quantize(Decimal("1E1"))).quantize(Decimal(1))
