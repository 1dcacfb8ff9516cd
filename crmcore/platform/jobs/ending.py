"""Telling whoever needs to know that a job is over for good without having done its work."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from crmcore.platform.context import Context
from crmcore.platform.database import DatabaseError, Transaction
from crmcore.platform.jobs.kinds import JobKind
from crmcore.platform.jobs.models import JobState

log = logging.getLogger("crmcore.jobs")


async def tell_end(
    ctx: Context,
    tx: Transaction,
    kind: JobKind | None,
    payload: Mapping[str, Any],
    state: str,
    error: str | None = None,
) -> None:
    """Call the kind's `ended` for a job that this transaction makes DEAD or CANCELLED.

    What it raises is logged, and undone alone: a job must be able to end.
    """
    if kind is None or kind.ended is None or state not in (JobState.DEAD, JobState.CANCELLED):
        return
    try:
        async with tx.savepoint():
            await kind.ended(ctx, tx, payload, JobState(state), error)
    except DatabaseError:
        raise
    except Exception:  # house(broad-except): whatever a kind raises, its job must be able to end
        log.exception("what follows from the end of a job %s cannot be done", kind.name)
