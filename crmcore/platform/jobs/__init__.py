"""Work for later: jobs in a table, asked for in the transaction that needs them, run by workers of any process."""

from crmcore.platform.jobs.asking import cancel_job, retry_job, retry_jobs
from crmcore.platform.jobs.enqueueing import enqueue
from crmcore.platform.jobs.finishing import LeaseLost
from crmcore.platform.jobs.holding import Pace
from crmcore.platform.jobs.kinds import GiveUp, JobCancelled, JobKind, JobRun, RunLater
from crmcore.platform.jobs.models import CronEntry, Job, JobState, Priority
from crmcore.platform.jobs.policies import system_policy
from crmcore.platform.jobs.schedules import check_schedule
from crmcore.platform.jobs.upkeep import delete_before, prune_jobs
from crmcore.platform.jobs.worker import Worker

__all__ = [
    "CronEntry",
    "GiveUp",
    "Job",
    "JobCancelled",
    "JobKind",
    "JobRun",
    "JobState",
    "LeaseLost",
    "Pace",
    "Priority",
    "RunLater",
    "Worker",
    "cancel_job",
    "check_schedule",
    "delete_before",
    "enqueue",
    "prune_jobs",
    "retry_job",
    "retry_jobs",
    "system_policy",
]
