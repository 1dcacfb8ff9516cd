"""The jobs of plugins: what a plugin says of one, and the kind that the app makes of it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from crmcore.platform.jobs import GiveUp, JobCancelled, JobKind, JobRun, LeaseLost, RunLater, check_schedule
from crmcore.plugins.backing import Backing
from crmcore.plugins.calling import Rests, called_through
from crmcore.plugins.crm import Crm, crm_in

_MEANT: Final = (GiveUp, RunLater, JobCancelled, LeaseLost)
"""What a job raises to say something, and not because it fails."""

_UNSET: Final = "The plugin needs settings first."
_REST: Final = timedelta(seconds=30)
_GRACE: Final = 5.0
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Job:
    """One kind of job of a plugin, called `<id>.<name>` in the graph. `crm.enqueue(name, payload)` asks for one.

    name      lower-case letters, digits and underscores
    run       `async def run(crm: Crm, run: JobRun)`, at least once for each job, `crm` acting as the plugin. What it
              answers is the job's result, which must be JSON. `run.payload` is what was asked, `run.id` the same in
              every attempt; `run.progress(...)` says how far it is; `run.finish(tx)` ends it in a transaction, so that
              its work is done exactly once. It fails by raising: GiveUp makes it a dead letter at once, RunLater
              chooses the time itself
    attempts  how often it is tried before it is a dead letter
    timeout   seconds that an attempt may take
    pause     seconds before the second attempt; each further pause is twice as long
    cron      five fields, as in crontab: every tenant gets one by the clock
    time_zone of the cron expression
    rerun     asked for by its unique key while it runs, it runs once more
    """

    name: str
    run: Callable[[Crm, JobRun], Awaitable[Any]]
    attempts: int = 10
    timeout: float = 60
    pause: float = 5
    cron: str = ""
    time_zone: str = "UTC"
    rerun: bool = False

    def faults(self) -> Iterator[str]:
        """What is wrong with it by itself."""
        if not _NAME.fullmatch(self.name):
            yield f"job {self.name!r}: use lower-case letters, digits and underscores."
        if not inspect.iscoroutinefunction(self.run):
            yield f"job {self.name}: run is an async function."
        if self.attempts < 1 or self.timeout <= 0 or self.pause < 0:
            yield f"job {self.name}: it has an attempt, and some time for it."
        if self.cron:
            try:
                check_schedule(self.cron, self.time_zone)
            except ValueError as error:
                yield f"job {self.name}: {error}"

    def kind(self, backing: Backing, plugin: str) -> JobKind:
        """The kind of job that the app has for it."""

        async def run(attempt: JobRun) -> Any:
            crm = crm_in(backing, plugin, attempt.ctx.tenant_id, attempt.ctx.cause)
            crm.ctx.operation = f"job {plugin}.{self.name}"
            if not await backing.ready(plugin, crm.tenant_id):
                if attempt.scheduled_for is not None:
                    return {"skipped": _UNSET}
                raise RunLater(_UNSET, at=backing.clock() + _REST, counts=False)
            try:
                return await called_through(
                    backing, plugin, f"crm_jobs {self.name}", self.timeout, lambda: self.run(crm, attempt), *_MEANT
                )
            except Rests as rests:
                raise RunLater(str(rests), at=backing.clock() + _REST, counts=False) from rests

        return JobKind(
            f"{plugin}.{self.name}", run, self.attempts, self.timeout + _GRACE, self.pause,
            rerun=self.rerun, cron=self.cron, time_zone=self.time_zone,
        )  # fmt: skip
