"""What is valid about care plans and touchpoints, and how they move."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from crmcore.errors import Invalid, Refusal
from crmcore.platform.record import Draft


class CarePlanStatus(StrEnum):
    """Where a care plan stands."""

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


_P = CarePlanStatus
CARE_PLAN_MOVES: Final[Mapping[StrEnum, tuple[StrEnum, ...]]] = {
    _P.DRAFT: (_P.ACTIVE, _P.CANCELLED),
    _P.ACTIVE: (_P.PAUSED, _P.COMPLETED, _P.CANCELLED),
    _P.PAUSED: (_P.ACTIVE, _P.CANCELLED),
    _P.COMPLETED: (),
    _P.CANCELLED: (),
}


class TouchpointStatus(StrEnum):
    """Where a planned contact stands."""

    PLANNED = "PLANNED"
    DUE = "DUE"
    OVERDUE = "OVERDUE"
    DONE = "DONE"
    SKIPPED = "SKIPPED"
    BLOCKED = "BLOCKED"


_T = TouchpointStatus
TOUCHPOINT_MOVES: Final[Mapping[StrEnum, tuple[StrEnum, ...]]] = {
    # To PLANNED from anywhere but the ends: that is a new date.
    _T.PLANNED: (_T.DUE, _T.DONE, _T.SKIPPED, _T.BLOCKED, _T.PLANNED),
    _T.DUE: (_T.DONE, _T.SKIPPED, _T.OVERDUE, _T.BLOCKED, _T.PLANNED),
    _T.OVERDUE: (_T.DONE, _T.SKIPPED, _T.BLOCKED, _T.PLANNED),
    _T.BLOCKED: (_T.PLANNED, _T.SKIPPED),
    _T.DONE: (),
    _T.SKIPPED: (),
}


TOUCHPOINT_REQUIRES: Final[Mapping[StrEnum, tuple[str, ...]]] = {
    _T.DONE: ("outcome",),
    _T.SKIPPED: ("reason",),
    _T.PLANNED: ("plannedOn",),
}


def plan_period(draft: Draft) -> Iterable[Refusal]:
    """A plan does not end before it begins."""
    start, end = draft.after.get("starts_on"), draft.after.get("ends_on")
    if start is not None and end is not None and end < start:
        yield Invalid("endsOn must not be before startsOn.", "endsOn")


def touchpoint_window(draft: Draft) -> Iterable[Refusal]:
    """The day planned lies in the window, and the window has its ends in order."""
    start, planned, end = (draft.after.get(c) for c in ("window_from", "planned_on", "window_to"))
    if start is not None and end is not None and end < start:
        yield Invalid("windowTo must not be before windowFrom.", "windowTo")
    elif planned is not None and ((start is not None and planned < start) or (end is not None and planned > end)):
        yield Invalid("plannedOn must lie in the window: change windowFrom and windowTo too.", "plannedOn")
