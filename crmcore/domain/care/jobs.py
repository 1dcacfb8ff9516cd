"""What the clock does: touchpoints become due on their day, and overdue when their time is over."""

from __future__ import annotations

from datetime import date
from typing import Any

from crmcore.domain.care.models import Touchpoint
from crmcore.domain.care.rules import TouchpointStatus
from crmcore.kit.periods import zone_of
from crmcore.kit.sql import Dialect, Sql, value
from crmcore.platform.fields import Day
from crmcore.platform.jobs import JobKind, JobRun
from crmcore.records import move_all

_CARED_FOR = (
    " AND EXISTS (SELECT 1 FROM care_plan p WHERE p.id = t.care_plan_id AND p.tenant_id = t.tenant_id "
    "AND p.status = 'ACTIVE' AND p.deleted_at IS NULL)"
)


def touchpoints_by_clock(time_zone: str) -> JobKind:
    """The job that moves the touchpoints of active plans, every hour: a day begins when it does in this time zone.

    Those of a plan that rests wait until it is resumed.
    """

    async def run(job: JobRun) -> Any:
        ctx = job.ctx
        today = ctx.clock().astimezone(zone_of(time_zone)).date()
        status = TouchpointStatus
        come = await move_all(
            ctx, Touchpoint, status.PLANNED, status.DUE, _until(today, "t.planned_on <= ", ctx.db.dialect),
            moved=job.progress,
        )  # fmt: skip
        gone = await move_all(
            ctx, Touchpoint, status.DUE, status.OVERDUE,
            _until(today, "coalesce(t.window_to, t.planned_on) < ", ctx.db.dialect),
            moved=job.progress,
        )  # fmt: skip
        return {"due": come, "overdue": gone}

    return JobKind("care.touchpoints", run, timeout=1800, cron="1 * * * *")


def _until(today: date, compared: str, dialect: Dialect) -> Sql:
    return Sql(compared, value(Day().to_driver(today, dialect), "date"), _CARED_FOR)
