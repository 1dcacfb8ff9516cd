"""What migrations would do, as SQL, before they do it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from tortoise.migrations import operations as ops

from crmcore.platform.database import Database
from crmcore.platform.metadata import App
from crmcore.platform.migrate.editors import collecting_editor
from crmcore.platform.migrate.graph import load, without_filters
from crmcore.platform.migrate.runner import applied_in

_LOSING: Final = re.compile(r"\b(DROP\s+(TABLE|COLUMN)|DELETE\s+FROM|TRUNCATE)\b", re.IGNORECASE)
_TAKES: Final = (ops.DeleteModel, ops.RemoveField)


@dataclass(frozen=True, slots=True)
class Planned:
    """One operation of a migration that waits. `destructive`: rows or columns go. Without `sql` it is Python, whose
    work is not told."""

    migration: str
    does: str
    sql: tuple[str, ...]
    destructive: bool


async def planned(db: Database, apps: Sequence[App], label: str) -> list[Planned]:
    """What the migrations of one app would do, in order; nothing is done. `apps` is always all of them."""
    graph = load(apps)
    applied = graph.known(await applied_in(db))
    waiting = [step.key for step in graph.forward(applied) if step.key.app == label]
    state = await graph.state(set(graph.order) - set(waiting) if waiting else applied)
    found: list[Planned] = []
    async with db.transaction() as tx:
        with without_filters():
            for key in waiting:
                for operation in graph.migrations[key].operations:
                    editor = collecting_editor(tx)
                    old = state.clone()
                    operation.state_forward(label, state)
                    if not isinstance(operation, ops.RunPython):
                        await operation.database_forward(label, old, state, editor)
                    sql = tuple(text.strip() for text in editor.collected_sql)
                    found.append(Planned(str(key), _does(operation), sql, _destructive(operation, sql)))
    return found


def _does(operation: Any) -> str:
    return "Runs Python" if isinstance(operation, ops.RunPython) else str(operation.describe())


def _destructive(operation: Any, sql: Sequence[str]) -> bool:
    if isinstance(operation, ops.RunSQL):
        return any(_LOSING.search(text) for text in sql)
    return isinstance(operation, _TAKES)
