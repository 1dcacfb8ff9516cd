"""Imports as jobs: a worker reads the file, and goes on where another one died."""

from __future__ import annotations

import asyncio
import csv
import io
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from crmcore.domain.files import File, Import, ImportState, keep_file
from crmcore.errors import ConfigError
from crmcore.importing.asking import form_of, with_records
from crmcore.importing.binding import bind
from crmcore.importing.journal import Journal
from crmcore.importing.keeping import KeptJournal, Superseded, added
from crmcore.importing.opening import open_source
from crmcore.importing.report import Report, Settled
from crmcore.importing.run import CHUNK_ROWS, Importer
from crmcore.importing.source import Line, Source
from crmcore.importing.undoing import Undo
from crmcore.platform.access import Actor, ActorKind, Policy
from crmcore.platform.blobs import BlobWriter, read_pieces
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction, retrying
from crmcore.platform.jobs import JobKind, JobRun, JobState
from crmcore.query import Registry
from crmcore.records import Update, load, write

CHUNK: Final = CHUNK_ROWS

PREVIEW_ROWS: Final = 10_000
"""A dry run looks at so many rows: all of it is one transaction, for which others may have to wait."""

_HOURS: Final = 3600.0


async def _unbound(run: JobRun) -> None:
    raise TypeError(f"{run.job.kind} has no app.")


async def _ended(
    live: Sequence[ImportState],
    ctx: Context,
    tx: Transaction,
    payload: Mapping[str, Any],
    state: JobState,
    error: str | None,
) -> None:
    """The job is over for good: so is what it did for the import, if that is still under way."""
    key = UUID(payload["import"])
    own = replace(ctx, policy=Policy(ctx.tenant_id, ctx.policy.actor))
    row = (await load(own, tx, Import, [key], "NO KEY UPDATE")).get(key)
    if row is None or row["state"] not in live:
        return
    values: dict[str, Any] = {"state": ImportState.CANCELLED}
    if state == JobState.DEAD:
        values = {"state": ImportState.FAILED, "error": f"Its job failed for good. {error or ''}".strip()[:2000]}
    await write(own, [Update(Import, key, {**values, "finished_at": own.clock()})], tx=tx)


_IMPORTING: Final = (ImportState.QUEUED, ImportState.RUNNING)
_UNDOING: Final = (ImportState.UNDOING,)

IMPORT: Final = JobKind(
    "import.run", _unbound, attempts=20, timeout=12 * _HOURS, longest=60, ended=partial(_ended, _IMPORTING)
)
UNDO: Final = JobKind(
    "import.undo", _unbound, attempts=20, timeout=12 * _HOURS, longest=60, ended=partial(_ended, _UNDOING)
)


@dataclass(frozen=True, slots=True)
class Keeping:
    """How large files may be, and how many days they are kept."""

    most: int
    days: int


def import_jobs(registry: Registry, keeping: Keeping) -> tuple[JobKind, JobKind]:
    """The two kinds of job, for an app with these records."""
    return (
        replace(IMPORT, run=partial(_handled, registry, keeping, _run_import)),
        replace(UNDO, run=partial(_handled, registry, keeping, _run_undo)),
    )


@dataclass(frozen=True, slots=True)
class Work:
    """One attempt. `ctx` acts as whoever asked, in the import's name; `own` keeps its books."""

    run: JobRun
    registry: Registry
    keeping: Keeping
    row: Mapping[str, Any]
    ctx: Context
    own: Context

    @property
    def id(self) -> UUID:
        return UUID(str(self.row["id"]))

    async def set(self, **values: Any) -> None:
        """Change the import."""
        await write(self.own, [Update(Import, self.id, values)])

    async def finish(self, journal: KeptJournal | None, files: Mapping[str, BlobWriter | None], **values: Any) -> None:
        """End the job: the import's last words, the files made, and that the job is done, at once."""

        async def once() -> None:
            async with self.own.db.transaction() as tx:
                now = (await load(self.own, tx, Import, [self.id], "NO KEY UPDATE")).get(self.id)
                if now is None or now["state"] != self.row["state"]:
                    raise Superseded
                more = dict(values)
                for column, blob in files.items():
                    if blob is not None:
                        name = f"import-{self.id}-{column.removesuffix('_id')}.csv"
                        more[column] = await keep_file(self.own, blob, name, "text/csv", self.keeping.days, tx=tx)
                        owner = {"owner_id": self.row["owner_id"], "team_id": self.row["team_id"]}
                        await write(self.own, [Update(File, more[column], owner)], tx=tx)
                await write(self.own, [Update(Import, self.id, {**more, "finished_at": self.own.clock()})], tx=tx)
                if journal is not None:
                    await journal.forget(tx)
                await self.run.finish(tx)

        await retrying(once)


async def _handled(registry: Registry, keeping: Keeping, work: Callable[[Work], Any], run: JobRun) -> None:
    """Do the work for the import that the job names, unless that is over or gone. One that failed because its job did
    goes on when the job is run again."""
    ctx, key = run.ctx, UUID(run.payload["import"])
    actor = replace(ctx.policy.actor, kind=ActorKind.IMPORT, id=key)
    own = replace(ctx, policy=Policy(ctx.tenant_id, Actor(ActorKind.IMPORT, key)), cause=key)
    if work is _run_undo:
        own = replace(own, cause=ctx.cause)
    row = await _row(own, key)
    begun = _UNDOING if work is _run_undo else (*_IMPORTING, ImportState.FAILED)
    if row is None or row["state"] not in begun:
        return
    mine = replace(ctx, policy=replace(ctx.policy, actor=actor), cause=own.cause)
    done = Work(run, registry, keeping, row, mine, own)
    try:
        await work(done)
    except Superseded:
        return


async def _row(ctx: Context, key: UUID) -> Mapping[str, Any] | None:
    return (await load(ctx, None, Import, [key])).get(key)


async def _run_import(work: Work) -> None:
    if work.row["state"] != ImportState.RUNNING:
        await work.set(state=ImportState.RUNNING, started_at=work.own.clock(), error=None, finished_at=None)
        work = replace(work, row={**work.row, "state": ImportState.RUNNING})
    with tempfile.TemporaryDirectory(prefix="crmcore-import-") as folder:
        try:
            await _bring_in(work, Path(folder) / "file")
        except ConfigError as error:
            await work.finish(None, {}, state=ImportState.FAILED, error=error.message[:2000])


async def _bring_in(work: Work, path: Path) -> None:
    name = await _fetched(work, path)
    options, record_type = work.row["options"], work.row["record_type"]
    record = work.registry.records[record_type] if record_type else None
    form = form_of(options)
    source = await asyncio.to_thread(open_source, path, form, name)
    binding = bind(with_records(form, options, record, source.header, work.registry), work.registry)
    work.run.total = source.lines_in_all
    if work.row["dry_run"]:
        await _try(work, Importer(work.ctx, binding, source, Journal(), dry_run=True, most=PREVIEW_ROWS))
        return
    journal = KeptJournal(work.own, work.run, {**work.row, "lines": source.lines_in_all})
    importer = Importer(work.ctx, binding, source, journal, chunk=CHUNK)
    await importer.run()
    errors = await _errors(work, source, journal.refused_lines()) if journal.now["refused"] else None
    await work.finish(journal, {"errors_id": errors}, state=ImportState.DONE)


async def _try(work: Work, importer: Importer) -> None:
    """A dry run, and what it would have done."""
    await importer.run()
    report, refused = importer.report, sorted(importer.journal.refused, key=lambda pair: pair[0].number)

    async def lines() -> AsyncIterator[tuple[Line, str]]:
        for pair in refused:
            yield pair

    errors = await _errors(work, importer.source, lines()) if refused else None
    counts = _counted(report, importer.read.position)
    await work.finish(None, {"errors_id": errors}, state=ImportState.DONE, lines=importer.source.lines_in_all, **counts)


def _counted(report: Report, position: int) -> dict[str, int]:
    whole = Settled(position, report.rows, report.saved, report.left_out, tallies=report.tallies)
    names = ("position", "rows", "saved", "refused", "left_out", "created", "updated", "unchanged")
    return {**added(dict.fromkeys(names, 0), whole), "refused": report.refused}


async def _fetched(work: Work, path: Path) -> str:
    """The file's bytes on this machine; its name."""
    file = (await load(work.own, None, File, [work.row["file_id"]])).get(work.row["file_id"])
    if file is None:
        raise ConfigError("The file is gone: it was deleted, or has expired.")
    with path.open("wb") as out:
        async for piece in read_pieces(work.own.db, work.own.tenant_id, file["id"]):
            out.write(piece)
    return str(file["name"])


async def _errors(work: Work, source: Source, lines: AsyncIterator[tuple[Line, str]]) -> BlobWriter:
    """The file of refused rows, as UTF-8 with a mark, which spreadsheets want."""
    return await csv_file(work, source.refused_header(), _refused(source, lines), source.delimiter)


async def _refused(source: Source, lines: AsyncIterator[tuple[Line, str]]) -> AsyncIterator[list[str]]:
    async for line, reason in lines:
        yield source.refused_row(line, reason)


async def csv_file(work: Work, header: list[str], rows: AsyncIterator[list[str]], delimiter: str = ",") -> BlobWriter:
    """A CSV file of these rows. It may be larger than what was sent: reasons stand in it."""
    blob, text = BlobWriter(work.own, 4 * work.keeping.most), io.StringIO(newline="")
    text.write("\ufeff")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(header)
    async for row in rows:
        writer.writerow(row)
        if text.tell() > 1 << 16:
            await blob.write(text.getvalue().encode(errors="backslashreplace"))
            text.seek(0)
            text.truncate()
    await blob.write(text.getvalue().encode(errors="backslashreplace"))
    await blob.close()
    return blob


async def _run_undo(work: Work) -> None:
    undo = Undo(work.ctx, work.own, work.registry, work.id)

    async def told() -> AsyncIterator[list[str]]:
        for left in undo.left:
            yield left

    await undo.run(work.run)
    left = await csv_file(work, ["record", "id", "because"], told()) if undo.left else None
    await work.finish(None, {"leftovers_id": left}, state=ImportState.UNDONE, undone=undo.undone, kept=len(undo.left))
