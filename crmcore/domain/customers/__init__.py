"""Customers, and where and how they are reached."""

import crmcore.domain.customers.commands  # noqa: F401  registers the area's checks and effects
from crmcore.domain.customers.models import (
    Address,
    AddressType,
    Channel,
    CompanySize,
    ContactPoint,
    Customer,
    CustomerKind,
    CustomerRole,
    Gender,
    Importance,
    ImportanceBasis,
    LifecycleStage,
    PointStatus,
    PointType,
)

__all__ = [
    "Address",
    "AddressType",
    "Channel",
    "CompanySize",
    "ContactPoint",
    "Customer",
    "CustomerKind",
    "CustomerRole",
    "Gender",
    "Importance",
    "ImportanceBasis",
    "LifecycleStage",
    "PointStatus",
    "PointType",
]
