"""What a worker has in its hands, and how fast it works."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from crmcore.platform.jobs.kinds import JobKind, JobRun


@dataclass(frozen=True, slots=True)
class Pace:
    """How a worker works. Seconds, all of them, but `at_once`: the jobs that it runs at the same time."""

    at_once: int = 10
    lease: float = 60
    drain: float = 15
    poll: float = 1
    beat: float = 1


@dataclass(slots=True, eq=False)
class Held:
    """A job that is this worker's, from the claim until its outcome is written."""

    run: JobRun
    kind: JobKind
    beaten: float
    task: asyncio.Task[Any] | None = None
    told: tuple[int | None, int | None, str | None] = (None, None, None)


def progress(held: Held) -> tuple[int | None, int | None, str | None]:
    """How far it says that it is: done, in all, and in words."""
    run = held.run
    return run.done, run.total, None if run.message is None else run.message[:500]


def cancel(held: Held) -> None:
    """Cut it off, if it runs."""
    if held.task is not None:
        held.task.cancel()
