"""What is valid about interactions and tasks."""

from __future__ import annotations

from collections.abc import Iterable

from crmcore.errors import Invalid, Refusal
from crmcore.platform.record import Draft


def positive_duration(draft: Draft) -> Iterable[Refusal]:
    """An interaction lasts no negative time."""
    seconds = draft.after.get("duration_seconds")
    if seconds is not None and seconds < 0:
        yield Invalid("durationSeconds must not be negative.", "durationSeconds")


def done_has_time(draft: Draft) -> Iterable[Refusal]:
    """Only a task that is done has a time at which it was; taking `DONE` back clears it."""
    if draft.after.get("done_at") is None or draft.after.get("status") == "DONE":
        return
    if draft.before is not None and draft.changed("status") and not draft.changed("done_at"):
        draft.after["done_at"] = None
    else:
        yield Invalid("doneAt belongs to a task that is DONE: set the status too.", "doneAt")
