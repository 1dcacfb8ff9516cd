"""The object types and their resolvers."""

from __future__ import annotations

from base64 import b64encode
from datetime import date, datetime
from typing import Any, Generic, NewType, TypeVar

import strawberry
from strawberry.types import Info

from benchmarks.naive import inputs, models
from benchmarks.naive.loaders import Loaders

T = TypeVar("T")
Instant = NewType("Instant", datetime)
SCALARS: dict[Any, Any] = {
    Instant: strawberry.scalar(name="DateTime", serialize=lambda at: at.isoformat(timespec="microseconds"))
}


def loaders(info: Info) -> Loaders:
    found: Loaders = info.context["loaders"]
    return found


@strawberry.type
class Money:
    amount: str
    currency_code: str


def money(scaled: int | None, currency: str | None) -> Money | None:
    if scaled is None or currency is None:
        return None
    whole, rest = divmod(abs(scaled), 10_000)
    return Money(amount=f"{'-' if scaled < 0 else ''}{whole}.{rest:04d}", currency_code=currency)


@strawberry.type
class Nodes(Generic[T]):
    nodes: list[T]


@strawberry.type
class User:
    id: strawberry.ID
    name: str


@strawberry.type
class Named:
    name: str


@strawberry.type
class Contact:
    id: strawberry.ID
    name: str
    title: str | None


@strawberry.type
class Deal:
    row: strawberry.Private[models.Deal]
    id: strawberry.ID
    name: str
    kind: str
    amount: Money | None
    probability: int | None
    opened_on: date | None
    expected_close_on: date | None
    stage_entered_at: Instant | None
    source: str | None
    created_at: Instant

    @strawberry.field
    async def customer(self, info: Info) -> Customer | None:
        row = await loaders(info).one(models.Customer, self.row.customer_id)
        return customer(row) if row else None

    @strawberry.field
    async def stage(self, info: Info) -> Named | None:
        row = await loaders(info).one(models.Stage, self.row.stage_id)
        return Named(name=row.name) if row else None

    @strawberry.field
    async def pipeline(self, info: Info) -> Named | None:
        row = await loaders(info).one(models.Pipeline, self.row.pipeline_id)
        return Named(name=row.name) if row else None


def deal(row: models.Deal) -> Deal:
    return Deal(
        row=row, id=strawberry.ID(f"deal_{row.id}"), name=row.name, kind=row.kind,
        amount=money(row.amount, row.currency), probability=row.probability, opened_on=row.opened_on,
        expected_close_on=row.expected_close_on, stage_entered_at=row.stage_entered_at, source=row.source,
        created_at=row.created_at,
    )  # fmt: skip


@strawberry.type
class Case:
    id: strawberry.ID
    number: str
    subject: str
    status: str
    priority: str


@strawberry.type
class Interaction:
    row: strawberry.Private[models.Interaction]
    id: strawberry.ID
    kind: str
    direction: str
    at: Instant
    subject: str | None

    @strawberry.field
    async def user(self, info: Info) -> Named | None:
        row = await loaders(info).one(models.User, self.row.user_id)
        return Named(name=row.name) if row else None


@strawberry.type
class Touchpoint:
    id: strawberry.ID
    occasion: str
    planned_on: date
    channel: str | None
    status: str


@strawberry.type
class Order:
    id: strawberry.ID
    number: str
    status: str
    total: Money | None
    placed_at: Instant | None


Orders = list[inputs.OrderBy] | None


@strawberry.type
class Customer:
    row: strawberry.Private[models.Customer]
    id: strawberry.ID
    version: int
    name: str
    kind: str
    industry: str | None
    lifecycle_stage: str
    employees: int | None
    is_key_account: bool
    annual_revenue: Money | None
    last_order_at: Instant | None
    created_at: Instant

    @strawberry.field
    async def owner(self, info: Info) -> User | None:
        row = await loaders(info).one(models.User, self.row.owner_id)
        return User(id=strawberry.ID(f"user_{row.id}"), name=row.name) if row else None

    @strawberry.field
    async def contacts(self, info: Info, order_by: Orders = None, first: int = 50) -> Nodes[Contact]:
        rows = await loaders(info).contacts(self.row.id, inputs.ordering(order_by), first)
        return Nodes(nodes=[Contact(id=strawberry.ID(f"contact_{r.id}"), name=r.name, title=r.title) for r in rows])

    @strawberry.field
    async def deals(
        self, info: Info, where: inputs.DealFilter | None = None, order_by: Orders = None, first: int = 50
    ) -> Nodes[Deal]:
        return Nodes(nodes=[deal(r) for r in await self._children(info, models.Deal, where, order_by, first)])

    @strawberry.field
    async def cases(
        self, info: Info, where: inputs.CaseFilter | None = None, order_by: Orders = None, first: int = 50
    ) -> Nodes[Case]:
        rows = await self._children(info, models.Case, where, order_by, first)
        return Nodes(nodes=[
            Case(id=strawberry.ID(f"case_{r.id}"), number=r.number, subject=r.subject, status=r.status,
                 priority=r.priority)
            for r in rows
        ])  # fmt: skip

    @strawberry.field
    async def interactions(self, info: Info, order_by: Orders = None, first: int = 50) -> Nodes[Interaction]:
        rows = await self._children(info, models.Interaction, None, order_by, first)
        return Nodes(nodes=[
            Interaction(row=r, id=strawberry.ID(f"interaction_{r.id}"), kind=r.kind, direction=r.direction, at=r.at,
                        subject=r.subject)
            for r in rows
        ])  # fmt: skip

    @strawberry.field
    async def touchpoints(
        self, info: Info, where: inputs.TouchpointFilter | None = None, order_by: Orders = None, first: int = 50
    ) -> Nodes[Touchpoint]:
        rows = await self._children(info, models.Touchpoint, where, order_by, first)
        return Nodes(nodes=[
            Touchpoint(id=strawberry.ID(f"touchpoint_{r.id}"), occasion=r.occasion, planned_on=r.planned_on,
                       channel=r.channel, status=r.status)
            for r in rows
        ])  # fmt: skip

    @strawberry.field
    async def orders(self, info: Info, order_by: Orders = None, first: int = 50) -> Nodes[Order]:
        rows = await self._children(info, models.Order, None, order_by, first)
        return Nodes(nodes=[
            Order(id=strawberry.ID(f"order_{r.id}"), number=r.number, status=r.status,
                  total=money(r.total, r.currency), placed_at=r.placed_at)
            for r in rows
        ])  # fmt: skip

    async def _children(
        self, info: Info, model: type[models.Row], where: Any, order: list[inputs.OrderBy] | None, first: int
    ) -> list[Any]:
        named = inputs.lookups(where), inputs.ordering(order)
        return await loaders(info).of_customer(model, self.row.id, *named, first)


def customer(row: models.Customer) -> Customer:
    return Customer(
        row=row, id=strawberry.ID(f"customer_{row.id}"), version=row.version, name=row.name, kind=row.kind,
        industry=row.industry, lifecycle_stage=row.lifecycle_stage, employees=row.employees,
        is_key_account=row.is_key_account, annual_revenue=money(row.annual_revenue, row.annual_revenue_currency),
        last_order_at=row.last_order_at, created_at=row.created_at,
    )  # fmt: skip


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class CustomerConnection:
    where: strawberry.Private[inputs.Lookups]
    nodes: list[Customer]
    page_info: PageInfo

    @strawberry.field
    async def total_count(self) -> int:
        return await models.Customer.filter(**self.where).count()


@strawberry.type
class Query:
    @strawberry.field
    async def customers(
        self, info: Info, where: inputs.CustomerFilter | None = None, order_by: Orders = None, first: int = 50
    ) -> CustomerConnection:
        asked = loaders(info).living | inputs.lookups(where)
        rows = await models.Customer.filter(**asked).order_by(*inputs.ordering(order_by)).limit(first + 1)
        page = rows[:first]
        end = b64encode(f"{page[-1].name_folded} {page[-1].id}".encode()).decode() if page else None
        info_of_page = PageInfo(has_next_page=len(rows) > first, end_cursor=end)
        return CustomerConnection(where=asked, nodes=[customer(row) for row in page], page_info=info_of_page)

    @strawberry.field
    async def customer(self, info: Info, id: strawberry.ID) -> Customer | None:
        row = await models.Customer.get_or_none(id=id.rpartition("_")[2], **loaders(info).living)
        return customer(row) if row else None

    @strawberry.field
    async def deals(
        self, info: Info, where: inputs.DealFilter | None = None, order_by: Orders = None, first: int = 50
    ) -> Nodes[Deal]:
        asked = loaders(info).living | inputs.lookups(where)
        rows = await models.Deal.filter(**asked).order_by(*inputs.ordering(order_by)).limit(first)
        return Nodes(nodes=[deal(row) for row in rows])
