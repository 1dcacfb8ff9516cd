"""The plugin's jobs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from crmcore.errors import CrmError
from crmcore.plugins import Crm, Job, JobRun, RunLater
from crmcore_erp import inbound, outbound
from crmcore_erp.adapter import ErpError, ErpKind, Missing
from crmcore_erp.commands import PULL, TAKE
from crmcore_erp.linking import is_set_up, link
from crmcore_erp.models import ErpOutcome, ErpTrigger
from crmcore_erp.parties import Met
from crmcore_erp.runs import Run, settle

_EARLY: Final = timedelta(seconds=30)


async def pull(crm: Crm, run: JobRun) -> dict[str, Any] | None:
    """Look what changed there: by the clock as often as the settings say, or because somebody asked."""
    asked = run.payload or {}
    if not await is_set_up(crm):
        return {"skipped": "The plugin is not set up."}
    both = await link(crm)
    if not asked and not await _is_due(crm, both.settings.poll_minutes):
        return {"skipped": "It is not time yet."}
    trigger = ErpTrigger.REQUEST if asked else ErpTrigger.SCHEDULE
    told = Run(crm, trigger, UUID(asked["run"]) if asked else None)
    await crm.store.put("polled", crm.now().isoformat())
    error = ""
    try:
        await inbound.pull(both, told, anew=bool(asked.get("anew")))
    except (ErpError, inbound.TooManyGone) as fault:
        error = str(fault)
    await crm.store.put("health", {"error": error, "at": crm.now().isoformat()})
    await told.end(error)
    return {"seen": told.seen, "changed": told.changed, "failed": told.failed, "error": error or None}


async def _is_due(crm: Crm, minutes: int) -> bool:
    polled = await crm.store.get("polled")
    return polled is None or crm.now() - datetime.fromisoformat(polled) >= timedelta(minutes=minutes) - _EARLY


async def take(crm: Crm, run: JobRun) -> dict[str, Any]:
    """One record of the ERP once more, as it is there now."""
    kind, external = ErpKind(run.payload["kind"]), run.payload["external"]

    async def again() -> Met:
        both = await link(crm)
        found = await both.erp.read(kind, [external])
        if not found:
            raise Missing("The ERP has it no more.")
        done = await inbound.take(both, kind, found)
        for one in done:
            if one.outcome == ErpOutcome.FAILED:
                raise Missing(one.error)
        outcomes = [one.outcome for one in done]
        return Met(outcomes[0] if outcomes else ErpOutcome.UNCHANGED, external)

    try:
        met = await settle(crm, UUID(run.payload["item"]), again)
    except (ErpError, CrmError) as fault:
        raise RunLater(fault.message, at=crm.now() + timedelta(seconds=5 * run.job.attempts)) from fault
    return {"outcome": met.outcome if met else ErpOutcome.FAILED}


JOBS: Final = (
    Job(outbound.SEND, outbound.send, attempts=8, timeout=120, pause=5, rerun=True),
    Job(PULL, pull, attempts=3, timeout=1800, cron="* * * * *"),
    Job(TAKE, take, attempts=5, timeout=120),
)
