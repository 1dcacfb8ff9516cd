"""Deals, pipelines and orders."""

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
]
