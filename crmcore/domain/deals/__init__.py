"""Deals, pipelines and orders."""

from crmcore.domain.deals.commands import move_deal, move_order
from crmcore.domain.deals.events import (
    DEAL_LOST,
    DEAL_STAGE_CHANGED,
    DEAL_WON,
    ORDER_DELIVERED,
    ORDER_PLACED,
    ORDER_SHIPPED,
)
from crmcore.domain.deals.models import (
    Deal,
    DealKind,
    Order,
    OrderLine,
    Pipeline,
    PipelineKind,
    Stage,
    StageTransition,
    StageType,
)
from crmcore.domain.deals.rules import OrderStatus

__all__ = [
    "DEAL_LOST",
    "DEAL_STAGE_CHANGED",
    "DEAL_WON",
    "ORDER_DELIVERED",
    "ORDER_PLACED",
    "ORDER_SHIPPED",
    "Deal",
    "DealKind",
    "Order",
    "OrderLine",
    "OrderStatus",
    "Pipeline",
    "PipelineKind",
    "Stage",
    "StageTransition",
    "StageType",
    "move_deal",
    "move_order",
]
