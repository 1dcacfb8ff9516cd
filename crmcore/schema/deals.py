"""Pipelines, deals and orders in the graph."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from crmcore.domain import deals as models
from crmcore.query import Many, Moment, Money, Timeline, expression, field, portion, record
from crmcore.schema.actions import action, arg
from crmcore.schema.scalars import ID

if TYPE_CHECKING:
    from crmcore.schema.activities import Interaction, Task
    from crmcore.schema.catalogue import Product
    from crmcore.schema.customers import Customer
    from crmcore.schema.people import User


@record(models.Pipeline)
class Pipeline:
    """The way a deal goes, stage by stage."""

    name: str = field("Name, unique among living pipelines.")
    kind: models.PipelineKind = field("What the pipeline is for.")
    is_default: bool = field("Whether new deals of this kind start here.")
    stages: Many[Stage] = field("The stages; order them by position.")


@record(models.Stage)
class Stage:
    """A step of a pipeline."""

    pipeline: Pipeline | None = field("The pipeline it belongs to.")
    name: str = field("Name, unique within its pipeline.")
    position: int = field("Place in the pipeline, from 1.")
    type: models.StageType = field("What it means for a deal to stand here.")
    probability: int = field("Chance in percent that a deal here is won.")
    rotten_after_days: int | None = field("After how many days here a deal counts as neglected.")
    allowed_next: list[ID] = field("Global ids of the stages of its pipeline that may follow; if empty, any may.")
    required_fields: list[str] = field(
        "What a deal must have to enter this stage: names of fields of DealUpdateInput, such as amount or customerId."
    )


@record(models.Deal)
class Deal:
    """A sale that may be won."""

    name: str = field("What sellers call it.")
    customer: Customer | None = field("Who buys; may be empty until it is won.")
    pipeline: Pipeline | None = field(
        "The way it goes; the default sales pipeline unless given.", write="create", derived=True
    )
    stage: Stage | None = field(
        "Where it stands; the pipeline's first unless given; change it with dealMove.", write="create", derived=True
    )
    product: Product | None = field("What is sold, where it is one product.")
    kind: models.DealKind = field("Why the deal exists.")
    amount: Money | None = field("What it is worth.")
    probability: int = field("Chance in percent that it is won; the stage's unless set.", derived=True)
    weighted_amount: Money | None = expression(
        portion("{amount}", "{probability}", 100),
        "The amount times the probability, rounded half-even to four places.",
        currency="currency",
    )
    opened_on: date | None = field("The day the sale began.")
    expected_close_on: date | None = field("The day it is expected to be decided.")
    stage_entered_at: datetime = field("When it entered its stage.", write="create", derived=True)
    closed_at: datetime | None = field("When it was won or lost.", write="create")
    lost_reason: str | None = field("Why it was lost.")
    lost_to_competitor: str | None = field("Who won it instead.")
    source: str | None = field("Where the deal came from.")
    transitions: Many[StageTransition] = field("Every stage it entered.")
    orders: Many[Order] = field("The orders that came of it.")
    timeline: Timeline = field("What happened to it: exchanges, stages, orders placed.")
    interactions: Many[Interaction] = field("Exchanges about it.")
    tasks: Many[Task] = field("What is to do for it.")


@record(models.StageTransition, writes=(), moment=Moment("at", of=("deal", "deal.customer")))
class StageTransition:
    """A deal entered a stage. Written by the engine, never changed."""

    deal: Deal | None = field("The deal.")
    from_stage: Stage | None = field("The stage it left; null for its first.")
    to_stage: Stage | None = field("The stage it entered.")
    at: datetime = field("When.")
    seconds_in_from: int | None = field("How long it stood in the stage it left.")
    reason: str | None = field("Why it moved.")


@record(models.Order, moment=Moment("placed_at", of=("customer", "deal")))
class Order:
    """What a customer ordered."""

    number: str = field("Order number, unique among living orders; made unless given.", derived=True)
    customer: Customer | None = field("Who ordered.")
    user: User | None = field("The colleague who took the order.")
    deal: Deal | None = field("The deal it came of.")
    status: models.OrderStatus = field("Where it stands; change it with orderMove.", write="create")
    currency: str = field("ISO 4217 code of all its amounts.", write="create")
    total: Money = field("Sum of its lines.", write="never")
    placed_at: datetime | None = field("When it was placed.")
    external_status: str | None = field("Where it stands in the system that fulfils it.")
    lines: Many[OrderLine] = field("What was ordered.")


@record(models.OrderLine)
class OrderLine:
    """One product or service of an order."""

    order: Order | None = field("The order.")
    product: Product | None = field("The product, where it is in the catalogue.")
    position: int = field("Place in the order, from 1; the next one unless given.", derived=True)
    description: str | None = field("What it is, in words.")
    quantity: Decimal = field("How many units.")
    unit_price: Money = field("Price of one unit before the discount, in the order's currency.")
    discount: Decimal = field("Share taken off the price, from 0 to 1.")
    total: Money = field("quantity x unitPrice x (1 - discount), rounded half-even to four places.", write="never")


@action(models.Deal, models.move_deal)
class DealMove:
    """Move a deal to another stage of its pipeline: forward, on hold, won, lost, or open again."""

    stage: Stage = arg("The stage to move to; it must be of the deal's pipeline.")
    reason: str | None = arg("Why it moves; needed to open a won or lost deal again.")
    lost_reason: str | None = arg("Why the deal was lost; needed for a LOST stage unless the deal has one.")
    lost_to_competitor: str | None = arg("Who won it instead.")
    amount: Decimal | None = arg("What it is worth, if that is new.")
    currency: str | None = arg("ISO 4217 code of the amount.")
    customer: Customer | None = arg("Who buys, if that is new; a won deal needs one.")


@action(models.Order, models.move_order)
class OrderMove:
    """Move an order to another status: placed, confirmed, shipped and so on."""

    status: models.OrderStatus = arg("The status to move to.")
