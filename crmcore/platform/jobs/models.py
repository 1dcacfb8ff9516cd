"""The tables: one row for each job, and one for each thing that is done by the clock."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, ClassVar

from tortoise.models import Model

from crmcore.kit.choices import Choices
from crmcore.platform.access import TENANT_REACH, Access, ActorKind
from crmcore.platform.fields import Choice, Flag, Int, Json, Text, UtcDatetime, Uuid
from crmcore.platform.tables import FilledIndex, UniqueIndex

LIVE = "unique_key IS NOT NULL AND free_at IS NOT NULL"
"""Jobs that keep others of their key away: free_at is filled until a job is over."""


class JobState(Choices):
    """Where a job stands."""

    READY = "READY", "Waits until it is due, or for a worker."
    RUNNING = "RUNNING", "A worker has it."
    DONE = "DONE", "Has done its work."
    DEAD = "DEAD", "Has failed as often as it may. jobRetry runs it again."
    CANCELLED = "CANCELLED", "Was called off."


class Priority(IntEnum):
    """Of the jobs that are due, those of a higher priority are taken first."""

    LOW = -1
    NORMAL = 0
    HIGH = 1


class Job(Model):
    """Work for later. `policy` is that of whoever asked for it; `cause` groups the job's events with theirs.

    `run_at` is when it is due. `free_at` says from when on a worker may take it: when it is due, or, while it runs,
    when its lease ends; null when it is over. So one index finds the jobs that wait and those whose worker is gone.
    `lease` is the worker's proof that the job is still its own. `again` is set when a job is asked for while it runs.
    """

    id = Uuid(primary_key=True)
    tenant_id = Uuid()
    kind = Text(100)
    payload = Json()
    state = Choice(JobState)
    priority = Int(default=Priority.NORMAL)
    run_at = UtcDatetime()
    free_at = UtcDatetime(null=True)
    attempts = Int(default=0)
    max_attempts = Int()
    unique_key = Text(200, null=True)
    again = Flag(default=False)
    lease = Uuid(null=True)
    cancel_asked_at = UtcDatetime(null=True)
    progress_done = Int(null=True)
    progress_total = Int(null=True)
    progress_message = Text(500, null=True)
    result = Json(null=True)
    error = Text(2000, null=True)
    scheduled_for = UtcDatetime(null=True)
    policy = Json()
    actor_kind = Choice(ActorKind)
    actor_id = Uuid(null=True)
    cause = Uuid()
    created_at = UtcDatetime()
    started_at = UtcDatetime(null=True)
    finished_at = UtcDatetime(null=True)

    access: ClassVar[Access] = TENANT_REACH

    class Meta(Model.Meta):
        table = "job"
        indexes: ClassVar[Any] = (
            ("tenant_id", "id"),
            ("tenant_id", "state", "finished_at", "id"),
            UniqueIndex(fields=("tenant_id", "kind", "unique_key"), name="uq_job_unique_key", where=LIVE),
            UniqueIndex(
                fields=("tenant_id", "kind", "scheduled_for"), name="uq_job_scheduled_for",
                where="scheduled_for IS NOT NULL",
            ),
            # Workers take the jobs of all tenants: the one index here that does not begin with the tenant.
            FilledIndex(fields=("priority", "free_at", "id"), name="ix_job_free_at", filled="free_at"),
        )  # fmt: skip


class CronEntry(Model):
    """A kind of job that a tenant gets by the clock. `next_at` only ever moves forward."""

    id = Uuid(primary_key=True)
    tenant_id = Uuid()
    kind = Text(100)
    expression = Text(100)
    time_zone = Text(64)
    next_at = UtcDatetime()
    last_at = UtcDatetime(null=True)
    created_at = UtcDatetime()

    class Meta(Model.Meta):
        table = "cron_entry"
        indexes: ClassVar[Any] = (
            ("tenant_id", "id"),
            UniqueIndex(fields=("tenant_id", "kind"), name="uq_cron_entry_kind"),
            # Read by the schedulers, which fire for all tenants.
            FilledIndex(fields=("next_at", "id"), name="ix_cron_entry_next_at", filled="next_at"),
        )
