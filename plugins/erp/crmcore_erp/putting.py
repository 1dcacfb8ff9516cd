"""Writing what the ERP says: rows by what identifies them, each created or updated, one refusal sparing the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from crmcore.plugins import Change, Create, Crm, Record, Update, write
from crmcore_erp.models import ErpOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """A row of the ERP as a record here. `id` is the record's if it is there already."""

    external_id: str
    model: type[Record]
    id: UUID | None
    values: Mapping[str, Any]

    def change(self) -> Change:
        return Create(self.model, self.values) if self.id is None else Update(self.model, self.id, self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of it; `id` is None if it was refused."""

    external_id: str
    id: UUID | None
    outcome: ErpOutcome
    error: str = ""


async def put(crm: Crm, rows: Sequence[Put]) -> list[Done]:
    """Write the rows; an answer for each, in their order."""
    if not rows:
        return []
    answers = await write(crm.ctx, [row.change() for row in rows], partial=True)
    done = []
    for row, answer in zip(rows, answers):
        refusals = getattr(answer, "refusals", None)
        if refusals is not None:
            said = "; ".join(refusal.message for refusal in refusals)
            done.append(Done(external_id=row.external_id, id=None, outcome=ErpOutcome.FAILED, error=said))
            continue
        changed: frozenset[str] = getattr(answer, "changed", frozenset())
        outcome = ErpOutcome.UPDATED if changed else ErpOutcome.UNCHANGED
        outcome = ErpOutcome.CREATED if row.id is None else outcome
        done.append(Done(external_id=row.external_id, id=getattr(answer, "id"), outcome=outcome))  # noqa: B009
    return done
