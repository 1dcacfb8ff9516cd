"""Deals on their way through a pipeline, and the orders that follow."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from crmcore.domain.deals import events, rules
from crmcore.platform.access import Access, through
from crmcore.platform.fields import BigInt, Choice, Day, Flag, Folded, Int, Json, Scaled, Text, UtcDatetime
from crmcore.platform.machine import Machine
from crmcore.platform.record import OwnedRecord, Record, Rules, Unique, reference


class PipelineKind(StrEnum):
    """What a pipeline is for."""

    SALES = "SALES"
    RENEWAL = "RENEWAL"
    PARTNER = "PARTNER"


class StageType(StrEnum):
    """What it means for a deal to stand in a stage."""

    OPEN = "OPEN"
    ON_HOLD = "ON_HOLD"
    WON = "WON"
    LOST = "LOST"


class DealKind(StrEnum):
    """Why a deal exists."""

    NEW = "NEW"
    CROSS_SELL = "CROSS_SELL"
    UP_SELL = "UP_SELL"
    RENEWAL = "RENEWAL"
    WIN_BACK = "WIN_BACK"


class Pipeline(Record):
    name = Text(200)
    name_folded = Folded(of="name")
    kind = Choice(PipelineKind, default=PipelineKind.SALES)
    is_default = Flag(default=False)

    special: ClassVar[Rules] = Rules(
        unique=(Unique(("name_folded",)), Unique(("kind",), where="is_default", takes_over=True))
    )

    class Meta(Record.Meta):
        table = "pipeline"


class Stage(Record):
    """`allowed_next` lists the global ids of the stages that may follow; if empty, any of the pipeline.

    `required_fields` lists what a deal must have to enter, by the names of its inputs.
    """

    pipeline: Any = reference("core.Pipeline", "CASCADE")
    name = Text(200)
    name_folded = Folded(of="name")
    position = Int()
    type = Choice(StageType, default=StageType.OPEN)
    probability = Int(default=0)
    rotten_after_days = Int(null=True)
    allowed_next = Json(default=list)
    required_fields = Json(default=list)

    special: ClassVar[Rules] = Rules(
        unique=(Unique(("pipeline_id", "name_folded")),), rules=(rules.probability_is_percent,)
    )

    class Meta(Record.Meta):
        table = "stage"


class Deal(OwnedRecord):
    name = Text(300)
    name_folded = Folded(of="name")
    customer: Any = reference("core.Customer", "CASCADE", null=True)
    pipeline: Any = reference("core.Pipeline")
    stage: Any = reference("core.Stage")
    product: Any = reference("core.Product", "SET NULL", null=True)
    kind = Choice(DealKind, default=DealKind.NEW)
    amount = Scaled(null=True)
    currency = Text(3, null=True)
    probability = Int()
    opened_on = Day(null=True)
    expected_close_on = Day(null=True)
    stage_entered_at = UtcDatetime()
    closed_at = UtcDatetime(null=True)
    lost_reason = Text(300, null=True)
    lost_to_competitor = Text(200, null=True)
    source = Text(120, null=True)

    special: ClassVar[Rules] = Rules(
        rules=(rules.amount_has_currency, rules.probability_is_percent),
        derives=("pipeline_id", "stage_id", "probability", "stage_entered_at"),
        search=("name",),
        events=events.DEAL_EVENTS,
        reads={"stage_id": ("id", "pipeline_id", "name", "type", "position", "probability", "required_fields")},
    )

    class Meta(OwnedRecord.Meta):
        table = "deal"
        indexes = (
            ("tenant_id", "created_at", "id"),
            ("tenant_id", "name_folded", "id"),
            ("tenant_id", "amount", "id"),
            ("tenant_id", "expected_close_on", "id"),
        )


class StageTransition(Record):
    """Append-only: one row for each stage a deal enters. `from_stage` is null for the first."""

    deal: Any = reference("core.Deal", "CASCADE")
    from_stage: Any = reference("core.Stage", null=True)
    to_stage: Any = reference("core.Stage")
    at = UtcDatetime()
    seconds_in_from = BigInt(null=True)
    reason = Text(500, null=True)

    access: ClassVar[Access] = through("deal")

    class Meta(Record.Meta):
        table = "stage_transition"
        indexes = (("tenant_id", "deal_id", "at", "id"),)


class Order(Record):
    """`total` is the sum of its living lines, kept by the engine."""

    number = Text(60)
    customer: Any = reference("core.Customer", "CASCADE")
    user: Any = reference("core.User", "SET NULL", null=True)
    deal: Any = reference("core.Deal", "SET NULL", null=True)
    status = Choice(rules.OrderStatus, default=rules.OrderStatus.DRAFT)
    currency = Text(3)
    total = Scaled(default=0)
    placed_at = UtcDatetime(null=True)
    external_status = Text(120, null=True)

    special: ClassVar[Rules] = Rules(
        unique=(Unique(("number",)),),
        rules=(rules.placed_has_time,),
        derives=("number",),
        machine=Machine("status", rules.OrderStatus.DRAFT, rules.ORDER_MOVES),
        events=events.ORDER_EVENTS,
        search=("number",),
    )
    access: ClassVar[Access] = through("customer")

    class Meta(Record.Meta):
        table = "order"
        indexes = (
            ("tenant_id", "placed_at", "id"),
            ("tenant_id", "customer_id", "placed_at", "id"),
            ("tenant_id", "deal_id", "placed_at", "id"),
        )


class OrderLine(Record):
    """`total` = quantity x unit_price x (1 - discount), half-even to four places; discount is a share from 0 to 1."""

    order: Any = reference("core.Order", "CASCADE")
    product: Any = reference("core.Product", null=True)
    position = Int()
    description = Text(500, null=True)
    quantity = Scaled()
    unit_price = Scaled()
    discount = Scaled(default=0)
    total = Scaled()
    currency = Text(3)

    special: ClassVar[Rules] = Rules(
        rules=(rules.line_total,),
        derives=("position", "total", "currency"),
    )
    access: ClassVar[Access] = through("order")

    class Meta(Record.Meta):
        table = "order_line"
