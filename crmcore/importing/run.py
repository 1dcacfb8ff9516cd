"""Importing one file: chunk by chunk, each in one transaction, every row whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any, Final

from crmcore.errors import ConfigError
from crmcore.importing.binding import Binding, bind
from crmcore.importing.chunk import Outcome, write_chunk
from crmcore.importing.finding import Finder
from crmcore.importing.journal import Journal, Kept
from crmcore.importing.opening import open_source
from crmcore.importing.parsing import ParsedRow, Parser, RefKey
from crmcore.importing.planning import Planner
from crmcore.importing.reading import read_mapping
from crmcore.importing.report import Report, Settled
from crmcore.importing.source import Line, Source
from crmcore.kit.garbage import seldom_collected
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction, refresh_statistics, retrying
from crmcore.query import Registry
from crmcore.records import Create, Update, Written
from crmcore.records.external import ExternalRef

CHUNK_ROWS: Final = 500

_LOOKS: Final = frozenset(2 * 4**n for n in range(10))
"""After so many chunks PostgreSQL is asked to look at what has come, so that finding it stays cheap."""

Progress = Callable[[int, int], None]
"""Told how many rows are done, and about how many there are."""


async def import_file(
    ctx: Context,
    registry: Registry,
    file: Path,
    mapping: Path,
    *,
    dry_run: bool = False,
    chunk_rows: int = CHUNK_ROWS,
    progress: Progress | None = None,
) -> Report:
    """Bring a file in. Rows that are refused are written beside it, with the reason, in `<name>.refused.csv`.

    Records are found again by their id in the other system, so running it again changes nothing, and goes on where a
    run was interrupted. With `dry_run` everything is done in one transaction, which is then rolled back.
    ConfigError says what is wrong with the mapping or the file as a whole; nothing was saved then.
    """
    started = time.perf_counter()
    known = read_mapping(mapping)
    binding, source, journal = bind(known, registry), open_source(file, known), Journal()
    run = Importer(ctx, binding, source, journal, dry_run=dry_run, chunk=chunk_rows, progress=progress)
    try:
        await run.run()
    finally:
        _write_refused(source, journal, run.report)
        run.report.seconds = time.perf_counter() - started
    return run.report


def _write_refused(source: Source, journal: Journal, report: Report) -> None:
    """Write the file of refused rows, or remove that of an earlier run."""
    target = source.path.with_name(f"{source.path.stem}.refused.csv")
    try:
        if journal.refused:
            with target.open("w", encoding=source.encoding, errors="backslashreplace", newline="") as text:
                source.write_refused(text, sorted(journal.refused, key=lambda pair: pair[0].number))
            report.refused_file = target
        elif not report.dry_run:
            target.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"Cannot write the refused rows to {target}: {error.strerror}.") from error


class _Undo(Exception):
    """Rolls a savepoint or a transaction back."""


class Importer:
    """One run over one file. `most` rows are looked at, all if there is none."""

    def __init__(
        self,
        ctx: Context,
        binding: Binding,
        source: Source,
        journal: Journal,
        *,
        dry_run: bool = False,
        chunk: int = CHUNK_ROWS,
        most: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        source.check_columns(binding.mapping)
        self.ctx = ctx
        self.binding = binding
        self.source = source
        self.journal = journal
        self.parser = Parser(binding)
        self.finder = Finder(ctx)
        self.chunk = chunk
        self.most = most
        self.progress = progress or (lambda _rows, _all_of: None)
        self.seen: dict[RefKey, tuple[int, Any]] = {}
        self.waiting: dict[int, tuple[ParsedRow, str]] = {}
        self.read = Settled()
        self.chunks = 0
        used = set(binding.mapping.columns())
        unused = tuple(name for name in source.header if name not in used)
        self.report = Report(source.path, source.encoding, dry_run, aliases=self.parser.aliases, unused_columns=unused)

    async def run(self) -> None:
        """The whole file; of a dry run nothing lasts."""
        with seldom_collected():
            if not self.report.dry_run:
                await self._all_rows(None)
                return
            try:
                async with self.ctx.db.transaction() as tx:
                    await self._all_rows(tx)
                    raise _Undo
            except _Undo:
                return

    async def _all_rows(self, tx: Transaction | None) -> None:
        """The setup, then the rows; then again those that named a record of a later row, while that helps."""
        await self._setup(tx)
        for rows in self._chunks(await self.journal.kept()):
            await self._save(rows, tx)
            self.progress(self.report.rows, self.source.lines_in_all)
        while self.waiting:
            again = [row for row, _why in self.waiting.values()]
            for start in range(0, len(again), self.chunk):
                await self._save(again[start : start + self.chunk], tx, waited=True)
            if len(self.waiting) == len(again):
                break
        for row, why in self.waiting.values():
            self._refuse(self.read, row, why)
            self.read.arrived.append(row.line.number)
        if self.read.refused:
            await self._save([], tx)

    def _chunks(self, kept: Kept) -> Iterator[list[ParsedRow]]:
        """The rows behind what an earlier run has settled, so many at a time. `read` says what else came with them."""
        rows: list[ParsedRow] = []
        looked = 0
        for line in self.source.lines():
            if line.number <= kept.position:
                self._recall(line, kept)
                continue
            looked += 1
            if self.most is not None and looked > self.most:
                break
            self.read.position = line.number
            self.read.rows += 1
            row = self._parsed(line)
            if row is not None:
                rows.append(row)
            if len(rows) + len(self.read.refused) >= self.chunk:
                yield rows
                rows = []
        if rows or self.read.rows:
            yield rows

    def _parsed(self, line: Line) -> ParsedRow | None:
        """The row to be saved, if it is one."""
        if line.broken:
            self._refuse(self.read, ParsedRow(line), line.broken)
            return None
        raw = self.source.row(line)
        if not self.parser.wanted(raw):
            self.read.left_out += 1
            return None
        row = self.parser.read(line, raw, self.binding.records)
        if row.problems:
            self._refuse(self.read, row, "; ".join(row.problems))
            return None
        return row

    def _recall(self, line: Line, kept: Kept) -> None:
        """What an earlier run knew of a line that it has settled."""
        if line.broken or line.number in kept.refused:
            return
        row = self.parser.read(line, self.source.row(line), self.binding.records)
        if line.number in kept.waiting:
            self.waiting[line.number] = (row, kept.waiting[line.number])
            return
        for record in row.records:
            said = record.said if record.bound.mapping.shared else None
            self.seen.setdefault(record.key, (line.number, said))

    async def _setup(self, tx: Transaction | None) -> None:
        """Make what the mapping says must be there before the first row."""
        if not self.binding.setup:
            return
        row = self.parser.read(Line(0, ()), {}, self.binding.setup)
        outcome, settled = await self._attempt([row], tx, waited=False, quiet=True)
        problems = [*row.problems, *outcome.refused.values(), *outcome.waiting.values()]
        if problems:
            raise self.binding.mapping.wrong(f"the setup was refused: {'; '.join(problems)}", key="setup")
        self._remember(outcome)
        for kind, tally in settled.tallies.items():
            self.report.tally(kind).add(tally)

    async def _save(self, rows: Sequence[ParsedRow], tx: Transaction | None, *, waited: bool = False) -> None:
        """Save a chunk. `waited` rows have been looked at before."""
        outcome, settled = await self._attempt(rows, tx, waited=waited)
        self._remember(outcome)
        self.report.add(settled)
        for number in settled.arrived:
            del self.waiting[number]
        by_line = {row.line.number: row for row in rows}
        self.waiting |= {line: (by_line[line], why) for line, why in outcome.waiting.items()}
        self.read = Settled(self.read.position)
        self.chunks += 1
        if tx is None and self.chunks in _LOOKS:
            tables = {record.type.table for record in self.binding.records}
            await refresh_statistics(self.ctx.db, {*tables, ExternalRef._meta.db_table})
        await self.journal.committed(settled)

    async def _attempt(
        self, rows: Sequence[ParsedRow], tx: Transaction | None, *, waited: bool, quiet: bool = False
    ) -> tuple[Outcome, Settled]:
        async def once() -> tuple[Outcome, Settled]:
            given: AbstractAsyncContextManager[Transaction] = (
                nullcontext(tx) if tx is not None else self.ctx.db.transaction()
            )
            async with given as open_tx:
                outcome = await write_chunk(self.ctx, open_tx, Planner(self.finder, self.seen), rows)
                settled = self._settled(outcome, rows, waited)
                if not quiet:
                    await self.journal.settle(open_tx, settled)
                return outcome, settled

        return await once() if tx is not None else await retrying(once)

    def _settled(self, outcome: Outcome, rows: Sequence[ParsedRow], waited: bool) -> Settled:
        """What was read and what became of it; `read` stays as it is until the transaction is over."""
        read, by_line = self.read, {row.line.number: row for row in rows}
        settled = Settled(
            read.position, read.rows, len(outcome.saved), read.left_out, [*read.refused],
            arrived=[*read.arrived, *(by_line if waited else ())],
        )  # fmt: skip
        for kind, tally in read.tallies.items():
            settled.tally(kind).add(tally)
        for line, why in outcome.refused.items():
            self._refuse(settled, by_line[line], why)
        settled.waiting += [(by_line[line].line, why) for line, why in outcome.waiting.items()]
        for planned, written in outcome.written:
            tally = settled.tally(planned.record.bound.type.name)
            if isinstance(planned.change, Create):
                tally.created += 1
            elif isinstance(planned.change, Update) and isinstance(written, Written) and written.changed:
                tally.updated += 1
            else:
                tally.unchanged += 1
        return settled

    def _remember(self, outcome: Outcome) -> None:
        for planned, _ in outcome.written:
            self.finder.ids[planned.record.key] = planned.id
            said = planned.record.said if planned.record.bound.mapping.shared else None
            self.seen[planned.record.key] = (planned.row.line.number, said)

    @staticmethod
    def _refuse(settled: Settled, row: ParsedRow, reason: str) -> None:
        settled.refused.append((row.line, reason))
        for record in row.records:
            if not record.bound.mapping.shared:
                settled.tally(record.bound.type.name).refused += 1
