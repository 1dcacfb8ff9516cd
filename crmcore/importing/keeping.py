"""An import that outlives its process: what it has settled is written in the transaction that settles it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import orjson

from crmcore.domain.files import Import, ImportLine, ImportState
from crmcore.importing.journal import Journal, Kept
from crmcore.importing.report import Settled
from crmcore.importing.source import Line
from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql, value
from crmcore.platform.context import Context
from crmcore.platform.database import Database, Transaction
from crmcore.platform.fields import Uuid
from crmcore.platform.jobs.kinds import JobRun
from crmcore.platform.jobs.rows import packed, source
from crmcore.records import Update, load, write

_COLUMNS: Final = ("id", "tenant_id", "import_id", "line", "refused", "reason", "values")
_LONGEST: Final = 4000
_PAGE: Final = 1000
_uuid: Final = Uuid()


class Superseded(Exception):
    """The import was called off, or another worker has it."""


class KeptJournal(Journal):
    """Writes position and counts into the import, and the lines that are not saved beside it. `ctx` is the import's
    own, which sees it whoever asked for it."""

    def __init__(self, ctx: Context, run: JobRun, row: Mapping[str, Any]) -> None:
        super().__init__()
        self.ctx, self.run, self.id = ctx, run, UUID(str(row["id"]))
        self.now = {name: row[name] for name in _COUNTS}
        self.lines = row["lines"]

    async def kept(self) -> Kept:
        refused, waiting = set(), {}
        async for row in self._lines(self.ctx.db, "line, refused, reason", ""):
            if row["refused"]:
                refused.add(row["line"])
            else:
                waiting[row["line"]] = str(row["reason"])
        return Kept(self.now["position"], frozenset(refused), waiting)

    async def settle(self, tx: Transaction, settled: Settled) -> None:
        """Superseded, so that all of it is rolled back, if somebody else has changed the import meanwhile."""
        row = (await load(self.ctx, tx, Import, [self.id], "NO KEY UPDATE")).get(self.id)
        if row is None or row["state"] != ImportState.RUNNING or any(row[c] != n for c, n in self.now.items()):
            raise Superseded
        if settled.arrived:
            await self._drop(tx, settled.arrived)
        await self._keep(tx, [(pair, True) for pair in settled.refused] + [(pair, False) for pair in settled.waiting])
        values = {**added(self.now, settled), "lines": self.lines}
        await write(self.ctx, [Update(Import, self.id, values)], tx=tx)

    async def committed(self, settled: Settled) -> None:
        self.now = added(self.now, settled)
        await self.run.progress(self.now["position"], self.lines)

    async def refused_lines(self) -> AsyncIterator[tuple[Line, str]]:
        """The refused lines in their order."""
        async for row in self._lines(self.ctx.db, '"line", reason, "values"', " AND refused"):
            held = row["values"]
            told = orjson.loads(held) if isinstance(held, str | bytes) else held
            yield Line(row["line"], tuple(told["values"]), told["broken"]), str(row["reason"])

    async def forget(self, tx: Transaction) -> None:
        """Drop what was kept beside the import."""
        await tx.execute(Sql("DELETE FROM import_line WHERE ", self._own()))

    async def _keep(self, tx: Transaction, lines: Iterable[tuple[tuple[Line, str], bool]]) -> None:
        rows = [
            {
                "id": new_id(), "tenant_id": self.ctx.tenant_id, "import_id": self.id, "line": line.number,
                "refused": refused, "reason": reason[:_LONGEST],
                "values": {"values": line.values, "broken": line.broken},
            }
            for (line, reason), refused in lines
        ]  # fmt: skip
        if rows:
            listed = ", ".join(f'"{c}"' for c in _COLUMNS)
            tree = Sql(
                f"INSERT INTO import_line ({listed}) SELECT {listed} FROM ", source(ImportLine, _COLUMNS, tx.dialect)
            )
            await tx.execute(tree, packed(ImportLine, _COLUMNS, rows, tx.dialect))

    async def _drop(self, tx: Transaction, lines: Sequence[int]) -> None:
        given = value(orjson.dumps(lines).decode(), "json")
        listed = (
            Sql("(SELECT value FROM json_each(", given, "))") if tx.dialect == "sqlite"
            else Sql("(SELECT e::int FROM json_array_elements_text(", given, ") e)")
        )  # fmt: skip
        await tx.execute(Sql("DELETE FROM import_line WHERE ", self._own(), " AND line IN ", listed))

    def _own(self) -> Sql:
        dialect = self.ctx.db.dialect
        return Sql(
            "tenant_id = ", value(_uuid.to_driver(self.ctx.tenant_id, dialect), "uuid"),
            " AND import_id = ", value(_uuid.to_driver(self.id, dialect), "uuid"),
        )  # fmt: skip

    async def _lines(self, db: Database, columns: str, where: str) -> AsyncIterator[Any]:
        last = -1
        while True:
            rows = await db.fetch(
                Sql(
                    f"SELECT {columns} FROM import_line WHERE ", self._own(), f"{where} AND line > ",
                    value(last, "int"), f" ORDER BY line LIMIT {_PAGE}",
                )
            )  # fmt: skip
            for row in rows:
                yield row
            if len(rows) < _PAGE:
                return
            last = rows[-1]["line"]


_COUNTS: Final = ("position", "rows", "saved", "refused", "left_out", "created", "updated", "unchanged")


def added(before: Mapping[str, int], settled: Settled) -> dict[str, int]:
    """The counts of an import with what has been settled."""
    tallies = settled.tallies.values()
    more = {
        "rows": settled.rows, "saved": settled.saved, "refused": len(settled.refused), "left_out": settled.left_out,
        "created": sum(t.created for t in tallies), "updated": sum(t.updated for t in tallies),
        "unchanged": sum(t.unchanged for t in tallies),
    }  # fmt: skip
    return {name: before[name] + more.get(name, 0) for name in before} | {
        "position": settled.position or before["position"]
    }
