"""How a case moves from first word to solution."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from crmcore.errors import Policy

REOPEN_WITHIN: Final = timedelta(days=30)
"""How long after its resolution a case may be reopened; later it takes a follow-up case."""


class CaseStatus(StrEnum):
    """Where a case stands."""

    NEW = "NEW"
    OPEN = "OPEN"
    WAITING_CUSTOMER = "WAITING_CUSTOMER"
    WAITING_THIRD_PARTY = "WAITING_THIRD_PARTY"
    ON_HOLD = "ON_HOLD"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"
    REJECTED = "REJECTED"
    DUPLICATE = "DUPLICATE"
    MERGED = "MERGED"


_S = CaseStatus
ENDS_UNSERVED: Final = (_S.REJECTED, _S.DUPLICATE, _S.MERGED)
CASE_MOVES: Final[Mapping[StrEnum, tuple[StrEnum, ...]]] = {
    _S.NEW: (_S.OPEN, *ENDS_UNSERVED),
    _S.OPEN: (_S.WAITING_CUSTOMER, _S.WAITING_THIRD_PARTY, _S.ON_HOLD, _S.RESOLVED, *ENDS_UNSERVED),
    _S.WAITING_CUSTOMER: (_S.OPEN, _S.RESOLVED),
    _S.WAITING_THIRD_PARTY: (_S.OPEN, _S.RESOLVED),
    _S.ON_HOLD: (_S.OPEN, _S.RESOLVED),
    _S.RESOLVED: (_S.OPEN, _S.CLOSED),
    _S.CLOSED: (),
    _S.REJECTED: (),
    _S.DUPLICATE: (),
    _S.MERGED: (),
}


CASE_REQUIRES: Final[Mapping[StrEnum, tuple[str, ...]]] = {
    _S.RESOLVED: ("resolution",),
    _S.REJECTED: ("reason",),
    _S.DUPLICATE: ("originalId",),
    _S.MERGED: ("intoId",),
}


def may_reopen(resolved_at: datetime, now: datetime) -> None:
    """Refuse to reopen a case whose resolution is older than `REOPEN_WITHIN`."""
    if now - resolved_at > REOPEN_WITHIN:
        raise Policy(
            f"A case can be reopened within {REOPEN_WITHIN.days} days of its resolution, which was on "
            f"{resolved_at:%Y-%m-%d}. Create a follow-up case with this one as its parentCaseId.",
            "id",
        )
