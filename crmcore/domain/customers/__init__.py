"""Customers, and where and how they are reached."""

from crmcore.domain.customers.commands import update_uniqueness
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
    Uniqueness,
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
    "Uniqueness",
    "update_uniqueness",
]
