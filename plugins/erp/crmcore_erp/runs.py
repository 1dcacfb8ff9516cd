"""Runs and items: what was exchanged, what became of it, and what can be tried again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from crmcore.errors import CrmError, Refusal, Refusals
from crmcore.plugins import Create, Crm, Update
from crmcore_erp.adapter import ErpError, ErpKind
from crmcore_erp.models import ErpDirection, ErpOutcome, ErpRunState, ErpSyncItem, ErpSyncRun, ErpTrigger
from crmcore_erp.parties import Met
from crmcore_erp.putting import Done
from crmcore_erp.reading import Node, global_id

TABLES = {ErpKind.PARTY: "customer", ErpKind.PRODUCT: "product", ErpKind.ORDER: "order"}

_QUIET = (ErpOutcome.UNCHANGED, ErpOutcome.PENDING)


class Run:
    """A run that counts; its row is made when there is something to tell, or was made by who asked for it."""

    def __init__(self, crm: Crm, trigger: ErpTrigger, id: UUID | None = None) -> None:
        self._crm, self._trigger, self.id = crm, trigger, id
        self._began = crm.now()
        self.seen = self.changed = self.failed = self.conflicts = 0

    async def note(self, kind: ErpKind, done: Sequence[Done], *, listed: bool = True) -> None:
        """Count what became of records; list those that changed or failed."""
        told = [one for one in done if one.outcome not in _QUIET]
        failed = [one for one in told if one.outcome in (ErpOutcome.FAILED, ErpOutcome.SKIPPED)]
        conflicts = [one for one in told if one.outcome == ErpOutcome.CONFLICT]
        self.failed += len(failed)
        self.conflicts += len(conflicts)
        self.changed += len(told) - len(failed) - len(conflicts)
        told = told if listed else failed
        if told:
            run = await self._open()
            await self._crm.write([Create(ErpSyncItem, self._item(run, kind, one)) for one in told])

    def _item(self, run: UUID, kind: ErpKind, one: Done) -> dict[str, Any]:
        table = TABLES.get(kind)
        return {
            "run_id": run, "direction": ErpDirection.IN, "kind": kind, "external_id": one.external_id,
            "record_type": table if one.id else None, "record_id": one.id if table else None, "outcome": one.outcome,
            "code": "INVALID" if one.error else None, "error": one.error[:1000] or None, "attempts": 1,
            "done_at": self._crm.now(),
        }  # fmt: skip

    async def end(self, error: str = "") -> None:
        """Say how it went; a run by the clock that found nothing says nothing."""
        counted = {"seen": self.seen, "changed": self.changed, "failed": self.failed, "conflicts": self.conflicts}
        if self.id is None and not error and not (self.changed or self.failed or self.conflicts):
            return
        run = await self._open()
        state = ErpRunState.FAILED if error else ErpRunState.DONE
        values = {**counted, "state": state, "finished_at": self._crm.now(), "error": error[:1000] or None}
        await self._crm.write([Update(ErpSyncRun, run, values)])

    async def _open(self) -> UUID:
        if self.id is None:
            values = {"trigger": self._trigger, "started_at": self._began}
            [made] = await self._crm.write([Create(ErpSyncRun, values)])
            self.id = made.id
        return self.id


async def item(crm: Crm, key: UUID) -> Node | None:
    """An item as it stands."""
    fields = "id direction kind recordType record { id } externalId outcome attempts"
    document = f"query($id: ID!) {{ erpSyncItem(id: $id) {{ {fields} }} }}"
    found: Node | None = (await crm.gql(document, id=global_id("erp_sync_item", key)))["erpSyncItem"]
    return found


def pending(
    key: UUID | None, direction: ErpDirection, kind: ErpKind, record: UUID | None, external: str | None
) -> Create:
    """An item that is about to be tried."""
    values = {
        "direction": direction, "kind": kind, "record_type": TABLES.get(kind) if record else None,
        "record_id": record, "external_id": external,
    }  # fmt: skip
    return Create(ErpSyncItem, values, id=key)


async def settle(crm: Crm, key: UUID, work: Callable[[], Awaitable[Met]]) -> Met | None:
    """Do what an item asks for and note what became of it. What may work later is raised; what will not is noted."""
    held = await item(crm, key)
    attempts = (held["attempts"] if held else 0) + 1
    try:
        met = await work()
    except (ErpError, Refusal, Refusals) as fault:
        code = fault.code if isinstance(fault, ErpError) else "INVALID"
        await _noted(crm, key, ErpOutcome.FAILED, attempts, code=code, error=_said(fault))
        if isinstance(fault, ErpError) and not fault.retryable:
            return None
        if isinstance(fault, CrmError) and not _passing(fault):
            return None
        raise
    await _noted(crm, key, met.outcome, attempts, external_id=met.external_id)
    return met


def _passing(fault: CrmError) -> bool:
    """Whether a refusal may be gone when we look again: somebody wrote the same at the same time."""
    refusals = fault.refusals if isinstance(fault, Refusals) else [fault]
    return all(getattr(one, "code", "") in ("CONFLICT", "DUPLICATE") for one in refusals)


def _said(fault: ErpError | CrmError) -> str:
    return fault.message[:1000]


async def _noted(crm: Crm, key: UUID, outcome: ErpOutcome, attempts: int, **more: Any) -> None:
    values = {"outcome": outcome, "attempts": attempts, "done_at": crm.now(), "code": None, "error": None}
    values |= {name: value for name, value in more.items() if value is not None}
    await crm.write([Update(ErpSyncItem, key, values)])
