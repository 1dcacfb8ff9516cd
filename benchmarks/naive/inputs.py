"""Filters and orders as strawberry inputs, and what they are in Tortoise's words."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from enum import Enum
from typing import Any

import strawberry

Lookups = dict[str, Any]


def _choice(name: str, values: str) -> Any:
    return strawberry.enum(Enum(name, {value: value for value in values.split()}))


LifecycleStage = _choice("LifecycleStage", "PROSPECT NEW REPEAT LOYAL AT_RISK LOST WON_BACK")
StageType = _choice("StageType", "OPEN WON LOST ON_HOLD")
CaseStatus = _choice(
    "CaseStatus", "NEW OPEN WAITING_CUSTOMER WAITING_THIRD_PARTY ON_HOLD RESOLVED CLOSED MERGED CANCELLED"
)
TouchpointStatus = _choice("TouchpointStatus", "PLANNED DUE DONE SKIPPED MISSED CANCELLED")


@strawberry.enum
class Direction(Enum):
    ASC = ""
    DESC = "-"


@strawberry.enum
class OrderField(Enum):
    NAME = "name_folded"
    CREATED_AT = "created_at"
    EXPECTED_CLOSE_ON = "expected_close_on"
    AT = "at"
    PLANNED_ON = "planned_on"
    PLACED_AT = "placed_at"


@strawberry.input
class OrderBy:
    field: OrderField
    direction: Direction = Direction.ASC


@strawberry.input
class IntFilter:
    eq: int | None = None
    gte: int | None = None


@strawberry.input
class DateFilter:
    eq: date | None = None
    gte: date | None = None


@strawberry.input
class LifecycleStageFilter:
    eq: LifecycleStage | None = None
    in_: list[LifecycleStage] | None = strawberry.field(name="in", default=None)


@strawberry.input
class StageTypeFilter:
    eq: StageType | None = None
    in_: list[StageType] | None = strawberry.field(name="in", default=None)


@strawberry.input
class CaseStatusFilter:
    eq: CaseStatus | None = None
    in_: list[CaseStatus] | None = strawberry.field(name="in", default=None)


@strawberry.input
class TouchpointStatusFilter:
    eq: TouchpointStatus | None = None
    in_: list[TouchpointStatus] | None = strawberry.field(name="in", default=None)


@strawberry.input
class CustomerFilter:
    lifecycle_stage: LifecycleStageFilter | None = None
    employees: IntFilter | None = None


@strawberry.input
class StageFilter:
    type: StageTypeFilter | None = None


@strawberry.input
class DealFilter:
    expected_close_on: DateFilter | None = None
    stage: StageFilter | None = None


@strawberry.input
class CaseFilter:
    status: CaseStatusFilter | None = None


@strawberry.input
class TouchpointFilter:
    status: TouchpointStatusFilter | None = None
    planned_on: DateFilter | None = None


_OPERATORS = {"eq": "", "gte": "__gte", "in_": "__in"}


def lookups(where: Any, path: str = "") -> Lookups:
    """A filter as Tortoise's keyword arguments."""
    found: Lookups = {}
    for field in fields(where) if where is not None else ():
        given = getattr(where, field.name)
        if given is None:
            continue
        if field.name in _OPERATORS:
            found[path + _OPERATORS[field.name]] = _plain(given)
        else:
            found |= lookups(given, f"{path}__{field.name}" if path else field.name)
    if found and path == "stage":
        found["stage__deleted_at"] = None
    return found


def _plain(given: Any) -> Any:
    if isinstance(given, list):
        return [_plain(item) for item in given]
    return given.value if isinstance(given, Enum) else given


def ordering(order: list[OrderBy] | None) -> list[str]:
    """An order as Tortoise's names; the id decides between equals, in the direction of the last key."""
    keys = [f"{by.direction.value}{by.field.value}" for by in order or ()]
    return [*keys, "-id" if keys and keys[-1].startswith("-") else "id"]
