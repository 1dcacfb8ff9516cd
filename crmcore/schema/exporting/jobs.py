"""Exports as jobs: page after page, each as the caller of the export sees it. One that dies begins again."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from crmcore.domain.files import Export, ExportState, File, FileFormat, keep_file
from crmcore.errors import Invalid
from crmcore.platform.access import Policy
from crmcore.platform.blobs import BlobWriter, TooLarge
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction, retrying
from crmcore.platform.jobs import JobKind, JobRun, JobState
from crmcore.records import Update, load, write
from crmcore.schema.documents import Documents
from crmcore.schema.errors import DEADLINE, INTERNAL, UNAVAILABLE
from crmcore.schema.exporting.listing import AFTER, COUNT, FIRST, list_query
from crmcore.schema.exporting.writing import WRITERS, RowWriter

_TOLD_EVERY: Final = 5000
"""Rows between two words about how far an export is."""

PASSING: Final = (DEADLINE, UNAVAILABLE, INTERNAL)
"""Codes of errors that may be gone at the next attempt."""

_LIVE: Final = frozenset({ExportState.QUEUED, ExportState.RUNNING})
_BEGUN: Final = _LIVE | {ExportState.FAILED}
"""An export that failed because its job did begins again when the job is run again."""

Answer = Mapping[str, Any]
Ask = Callable[[Context, str, Mapping[str, Any]], Awaitable[Answer]]
"""Runs a document: the body of the answer."""


async def _unbound(run: JobRun) -> None:
    raise TypeError(f"{run.job.kind} has no app.")


async def _ended(ctx: Context, tx: Transaction, payload: Mapping[str, Any], state: JobState, error: str | None) -> None:
    """The job is over for good: so is the export, if it is still under way."""
    key = UUID(payload["export"])
    own = replace(ctx, policy=Policy(ctx.tenant_id, ctx.policy.actor))
    row = (await load(own, tx, Export, [key], "NO KEY UPDATE")).get(key)
    if row is None or row["state"] not in _LIVE:
        return
    values: dict[str, Any] = {"state": ExportState.CANCELLED}
    if state == JobState.DEAD:
        values = {"state": ExportState.FAILED, "error": f"Its job failed for good. {error or ''}".strip()[:2000]}
    await write(own, [Update(Export, key, {**values, "finished_at": own.clock()})], tx=tx)


EXPORT: Final = JobKind("export.run", _unbound, attempts=10, timeout=12 * 3600.0, longest=60, ended=_ended)


class _Stopped(Exception):
    """The export was called off, or is somebody else's."""


class _Failed(Exception):
    """The export cannot be done, however often it is tried."""


@dataclass(frozen=True, slots=True)
class Exporter:
    """Does the exports of one app. `page` rows are asked for at once; a file has at most `most` bytes."""

    documents: Documents
    ask: Ask
    page: int
    most: int
    days: int

    async def run(self, run: JobRun) -> None:
        """One attempt."""
        key = UUID(run.payload["export"])
        own = replace(run.ctx, policy=Policy(run.ctx.tenant_id, run.ctx.policy.actor))
        row = (await load(own, None, Export, [key])).get(key)
        if row is None or row["state"] not in _BEGUN:
            return
        task = _Task(self, run, own, row)
        try:
            await task.tell(_BEGUN, state=ExportState.RUNNING, started_at=own.clock(), rows=0, error=None,
                            finished_at=None)  # fmt: skip
            with tempfile.TemporaryDirectory(prefix="crmcore-export-") as folder:
                await task.export(Path(folder))
        except _Stopped:
            return
        except (_Failed, Invalid) as error:
            await task.tell({ExportState.RUNNING}, state=ExportState.FAILED, error=str(error)[:2000],
                            finished_at=own.clock())  # fmt: skip


def export_job(exporter: Exporter) -> JobKind:
    """The kind of job, for an app."""
    return replace(EXPORT, run=exporter.run)


@dataclass(slots=True)
class _Task:
    exporter: Exporter
    job: JobRun
    own: Context
    row: Mapping[str, Any]
    rows: int = 0
    told: int = 0
    total: int | None = None

    async def export(self, folder: Path) -> None:
        """Every page, and then the file."""
        options, known = self.row["options"], self.exporter
        listed = list_query(known.documents, options["query"], options["columns"])
        blob = BlobWriter(self.own, known.most)
        writer = WRITERS[FileFormat(self.row["format"])](blob, listed.columns, folder, chosen=bool(options["columns"]))
        try:
            cursor: str | None = None
            while True:
                page = await self._page(listed.text, cursor)
                await writer.write(page["rows"])
                await self._count(len(page["rows"]))
                cursor = page["pageInfo"]["endCursor"]
                if not page["pageInfo"]["hasNextPage"]:
                    break
            await writer.close()
        except TooLarge:
            raise _Failed(f"The file would be larger than {known.most} bytes: export less at once.") from None
        await retrying(lambda: self._finish(blob, writer))

    async def _page(self, text: str, cursor: str | None) -> Mapping[str, Any]:
        given = {FIRST: self.exporter.page, AFTER: cursor, COUNT: cursor is None}
        answer = await self.exporter.ask(self.job.ctx, text, {**self.row["options"]["variables"], **given})
        if errors := answer.get("errors"):
            said, code = errors[0]["message"], errors[0].get("extensions", {}).get("code")
            raise RuntimeError(said) if code in PASSING else _Failed(said)
        page: Mapping[str, Any] = answer["data"]["list"]
        if cursor is None:
            self.total = page["totalCount"]
        return page

    async def _count(self, more: int) -> None:
        self.rows += more
        await self.job.progress(self.rows, self.total)
        if self.rows - self.told >= _TOLD_EVERY:
            self.told = self.rows
            await self.tell({ExportState.RUNNING}, rows=self.rows, total=self.total)

    async def _finish(self, blob: BlobWriter, writer: RowWriter) -> None:
        async with self.own.db.transaction() as tx:
            name = f"export-{self.row['id']}.{str(self.row['format']).lower()}"
            file = await keep_file(self.own, blob, name, writer.media_type, self.exporter.days, tx=tx)
            owner = {"owner_id": self.row["owner_id"], "team_id": self.row["team_id"]}
            await write(self.own, [Update(File, file, owner)], tx=tx)
            await self._tell(tx, {ExportState.RUNNING}, {
                "state": ExportState.DONE, "rows": self.rows, "total": self.total, "file_id": file,
                "finished_at": self.own.clock(),
            })  # fmt: skip
            await self.job.finish(tx)

    async def tell(self, states: AbstractSet[ExportState], **values: Any) -> None:
        """Change the export, if it is in one of these states; else it is no longer ours."""

        async def once() -> None:
            async with self.own.db.transaction() as tx:
                await self._tell(tx, states, values)

        await retrying(once)

    async def _tell(self, tx: Transaction, states: AbstractSet[ExportState], values: Mapping[str, Any]) -> None:
        key = self.row["id"]
        now = (await load(self.own, tx, Export, [key], "NO KEY UPDATE")).get(key)
        if now is None or now["state"] not in states:
            raise _Stopped
        await write(self.own, [Update(Export, key, values)], tx=tx)
