"""Jobs in the graph: what is to be done, is being done and has failed; and what the clock makes."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from graphql import GraphQLResolveInfo

from crmcore.errors import Refusal
from crmcore.platform.jobs import CronEntry as CronEntryModel
from crmcore.platform.jobs import Job as JobModel
from crmcore.platform.jobs import JobState, cancel_job, retry_job, retry_jobs
from crmcore.query import Actor, FreeData, field, log
from crmcore.schema.actions import action
from crmcore.schema.errors import user_errors
from crmcore.schema.roots import RootField
from crmcore.schema.scalars import ID
from crmcore.schema.shapes import Shapes, argument, listed, optional, shaped

_RETRY_MANY = "Run the jobs of a kind again that failed for good."


@log(JobModel)
class Job:
    """Work that is done later, or by the clock: an import, a delivery, a daily task. The jobs that failed for good are
    those with where: {state: {eq: DEAD}}."""

    kind: str = field("What it does, such as jobs.prune.")
    state: JobState = field("Where it stands.")
    payload: FreeData = field("What it has to know.")
    priority: int = field("Of the jobs that are due, those with a higher number go first: -1, 0 or 1.")
    run_at: datetime = field("When it is due; while it waits after a failure, when it is tried again.")
    attempts: int = field("How often it was begun.")
    max_attempts: int = field("How often it is begun before it is DEAD.")
    unique_key: str | None = field("While it waits or runs, no second job of the kind has this key.")
    progress_done: int | None = field("How much is done.")
    progress_total: int | None = field("How much there is to do, where that is known.")
    progress_message: str | None = field("What it is at.")
    result: FreeData | None = field("What it answered.")
    error: str | None = field("Why the last attempt failed.")
    scheduled_for: datetime | None = field("Of a job that the clock made: the time that it is for.")
    cancel_asked_at: datetime | None = field("When it was called off.")
    actor: Actor = field("Who asked for it, and as whom it acts.")
    cause: ID = field("The same for everything that one request, job or import did.")
    created_at: datetime = field("When it was asked for.")
    started_at: datetime | None = field("When it was last begun.")
    finished_at: datetime | None = field("When it was over.")


@log(CronEntryModel)
class CronEntry:
    """Something that is done by the clock: at these times a job of the kind is made."""

    kind: str = field("The kind of the jobs.")
    expression: str = field("When, as in crontab: minute, hour, day of the month, month, day of the week.")
    time_zone: str = field("In which time zone, such as Europe/Berlin.")
    next_at: datetime = field("When the next job is made.")
    last_at: datetime | None = field("The time that the last job was made for.")
    created_at: datetime = field("Since when it is there.")


@action(JobModel, cancel_job)
class JobCancel:
    """Call a job off. One that waits is not run; one that runs is told, and stopped where that does no harm."""


@action(JobModel, retry_job)
class JobRetry:
    """Run a job again that is DEAD or CANCELLED. It has all its attempts anew."""


def jobs_retry(shapes: Shapes) -> RootField:
    """`jobsRetry`: many at once, so it answers with their number."""
    made = shapes.input(
        "JobsRetryInput",
        _RETRY_MANY,
        lambda: [
            shaped("kind", str, "The kind of the jobs."),
            shaped("finishedAfter", optional(datetime), "Only those that failed for good at this time or later."),
            shaped("finishedBefore", optional(datetime), "Only those that failed for good before this time."),
        ],
    )
    payload = shapes.object(
        "JobsPayload",
        "How many jobs are run again, or the errors that say why none is.",
        lambda: [
            shaped("retried", optional(int), "How many there are; of several with one unique key, it is the last."),
            shaped("errors", listed(shapes["UserError"]), "Empty if it was done."),
        ],
    )
    arguments = [argument("input", made, "Which jobs.")]
    return RootField(shaped("jobsRetry", optional(payload), _RETRY_MANY, arguments=arguments), _retry_many)


async def _retry_many(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> dict[str, Any]:
    chosen = given["input"]
    work = partial(retry_jobs, info.context.ctx, chosen["kind"])
    try:
        count = await work(finished_after=chosen.get("finishedAfter"), finished_before=chosen.get("finishedBefore"))
    except Refusal as refused:
        info.context.refused = True
        return {
            "retried": None,
            "errors": user_errors(refused, {}, "job", info.parent_type.fields[info.field_name].args),
        }
    return {"retried": count, "errors": []}
