"""Importing one file: chunk by chunk, each in one transaction, every row whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from crmcore.errors import ConfigError
from crmcore.importing.binding import bind
from crmcore.importing.finding import Finder
from crmcore.importing.mapping import FileMapping
from crmcore.importing.parsing import ParsedRow, Parser, RefKey
from crmcore.importing.planning import Plan, Planned, Planner
from crmcore.importing.reading import read_mapping
from crmcore.importing.report import Report
from crmcore.importing.source import Line, Source
from crmcore.kit.garbage import seldom_collected
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction, retrying
from crmcore.query import Registry
from crmcore.records import Create, Refused, Update, Written, write

CHUNK_ROWS: Final = 500

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
    """Bring a CSV file in. Rows that are refused are written beside it, with the reason, in `<name>.refused.csv`.

    Records are found again by their id in the other system, so running it again changes nothing, and goes on where a
    run was interrupted. With `dry_run` everything is done in one transaction, which is then rolled back.
    ConfigError says what is wrong with the mapping or the file as a whole; nothing was saved then.
    """
    started = time.perf_counter()
    run = _Import(
        ctx, registry, read_mapping(mapping), file, dry_run, chunk_rows, progress or (lambda _rows, _all_of: None)
    )
    try:
        with seldom_collected():
            await (run.rehearse() if dry_run else run.all_rows(None))
    finally:
        run.finish()
        run.report.seconds = time.perf_counter() - started
    return run.report


class _Undo(Exception):
    """Rolls a savepoint or a transaction back."""


@dataclass(slots=True)
class _Outcome:
    """What became of a chunk; counted once it is committed."""

    written: list[tuple[Planned, Written | Refused | None]] = field(default_factory=list)
    saved: list[ParsedRow] = field(default_factory=list)
    waiting: dict[int, str] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)


class _Import:
    def __init__(
        self,
        ctx: Context,
        registry: Registry,
        mapping: FileMapping,
        file: Path,
        dry_run: bool,
        chunk: int,
        progress: Progress,
    ) -> None:
        self.ctx = ctx
        self.binding = bind(mapping, registry)
        self.source = Source(file, mapping)
        self.parser = Parser(self.binding)
        self.finder = Finder(ctx)
        self.chunk = chunk
        self.progress = progress
        self.seen: dict[RefKey, tuple[int, Any]] = {}
        self.refused: list[tuple[Line, str]] = []
        used = set(mapping.columns())
        unused = tuple(name for name in self.source.header if name not in used)
        self.report = Report(file, self.source.encoding, dry_run, aliases=self.parser.aliases, unused_columns=unused)

    async def rehearse(self) -> None:
        """Everything, in a transaction that does not last."""
        try:
            async with self.ctx.db.transaction() as tx:
                await self.all_rows(tx)
                raise _Undo
        except _Undo:
            return

    async def all_rows(self, tx: Transaction | None) -> None:
        """The setup, then the rows; then again those that named a record of a later row, while that helps."""
        await self._setup(tx)
        waiting: dict[int, tuple[ParsedRow, str]] = {}
        for rows in self._chunks():
            waiting |= await self._save(rows, tx)
        while waiting:
            again = [row for row, _why in waiting.values()]
            waiting = {}
            for start in range(0, len(again), self.chunk):
                waiting |= await self._save(again[start : start + self.chunk], tx)
            if len(waiting) == len(again):
                break
        for row, why in waiting.values():
            self._refuse(row, why)

    def finish(self) -> None:
        """Write the file of refused rows, or remove that of an earlier run."""
        target = self.source.path.with_name(f"{self.source.path.stem}.refused.csv")
        try:
            if self.refused:
                self.source.write_refused(target, sorted(self.refused, key=lambda pair: pair[0].number))
                self.report.refused_file = target
            elif not self.report.dry_run:
                target.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(f"Cannot write the refused rows to {target}: {error.strerror}.") from error

    def _chunks(self) -> Iterator[list[ParsedRow]]:
        rows: list[ParsedRow] = []
        for line in self.source.lines():
            self.report.rows += 1
            if line.broken:
                self._refuse(ParsedRow(line), line.broken)
                continue
            raw = self.source.row(line)
            if not self.parser.wanted(raw):
                self.report.left_out += 1
                continue
            row = self.parser.read(line, raw, self.binding.records)
            if row.problems:
                self._refuse(row, "; ".join(row.problems))
                continue
            rows.append(row)
            if len(rows) >= self.chunk:
                yield rows
                rows = []
                self.progress(self.report.rows, self.source.lines_in_all)
        if rows:
            yield rows
        self.progress(self.report.rows, self.source.lines_in_all)

    async def _setup(self, tx: Transaction | None) -> None:
        """Make what the mapping says must be there before the first row."""
        if not self.binding.setup:
            return
        row = self.parser.read(Line(0, ()), {}, self.binding.setup)
        outcome = await self._attempt([row], tx)
        problems = [*row.problems, *outcome.refused.values(), *outcome.waiting.values()]
        if problems:
            raise self.binding.mapping.wrong(f"the setup was refused: {'; '.join(problems)}", key="setup")
        self._count(outcome)

    async def _save(self, rows: Sequence[ParsedRow], tx: Transaction | None) -> dict[int, tuple[ParsedRow, str]]:
        """Save a chunk; the rows that wait for others, with what they miss."""
        outcome = await self._attempt(rows, tx)
        self._count(outcome)
        self.report.saved += len(outcome.saved)
        by_line = {row.line.number: row for row in rows}
        for line, why in outcome.refused.items():
            self._refuse(by_line[line], why)
        return {line: (by_line[line], why) for line, why in outcome.waiting.items()}

    async def _attempt(self, rows: Sequence[ParsedRow], tx: Transaction | None) -> _Outcome:
        async def once() -> _Outcome:
            given: AbstractAsyncContextManager[Transaction] = (
                nullcontext(tx) if tx is not None else self.ctx.db.transaction()
            )
            async with given as open_tx:
                return await self._write(open_tx, rows)

        return await once() if tx is not None else await retrying(once)

    async def _write(self, tx: Transaction, rows: Sequence[ParsedRow]) -> _Outcome:
        """Write the rows that can be written, each with all its records or none."""
        planner, outcome = Planner(self.finder, self.seen), _Outcome()
        await planner.learn(tx, rows)
        active = list(rows)
        while active:
            plan = planner.plan(active)
            outcome.waiting |= plan.waiting
            outcome.refused |= plan.refused
            groups = _groups(plan)
            answers, said = await self._changes(tx, plan, groups)
            refused, again = _refusals(plan, said, groups)
            outcome.refused |= refused
            left = refused.keys() | again | plan.waiting.keys() | plan.refused.keys()
            good = [p for p in plan.planned if p.row.line.number not in left]
            planner.keep(good)
            outcome.written += [(p, answers.get(id(p))) for p in good]
            outcome.saved += [row for row in active if row.line.number not in left]
            active = [row for row in active if row.line.number in again]
        return outcome

    async def _changes(
        self, tx: Transaction, plan: Plan, groups: Mapping[int, int]
    ) -> tuple[dict[int, Written | Refused], dict[int, list[str]]]:
        """The engine's answers by the identity of what was planned, and its words against each row, by line.

        Of a row all is written or none, and so of rows that share a record which one of them is to write.
        """
        asked = [(planned, planned.change) for planned in plan.planned if planned.change is not None]
        if not asked:
            return {}, {}
        rows = [groups[planned.row.line.number] for planned, _ in asked]
        answers = await write(self.ctx, [change for _, change in asked], tx=tx, partial=True, groups=rows)
        said: dict[int, dict[str, None]] = {}
        for answer in answers:
            for refusal in answer.refusals if isinstance(answer, Refused) else ():
                at_fault = asked[refusal.index][0]
                words = f"{at_fault.record.bound.name}: {refusal.message}"
                said.setdefault(at_fault.row.line.number, {})[words] = None
        found = {id(planned): answer for (planned, _), answer in zip(asked, answers, strict=True)}
        return found, {line: list(words) for line, words in said.items()}

    def _count(self, outcome: _Outcome) -> None:
        for planned, written in outcome.written:
            kind = planned.record.bound.type.name
            self.finder.ids[planned.record.key] = planned.id
            said = planned.record.said if planned.record.bound.mapping.shared else None
            self.seen[planned.record.key] = (planned.row.line.number, said)
            tally = self.report.tally(kind)
            if isinstance(planned.change, Create):
                tally.created += 1
            elif isinstance(planned.change, Update) and isinstance(written, Written) and written.changed:
                tally.updated += 1
            else:
                tally.unchanged += 1

    def _refuse(self, row: ParsedRow, reason: str) -> None:
        self.report.refuse(row.line.number, reason)
        self.refused.append((row.line, reason))
        for record in row.records:
            if not record.bound.mapping.shared:
                self.report.tally(record.bound.type.name).refused += 1


def _groups(plan: Plan) -> dict[int, int]:
    """By line, the line that stands for all rows which share a record with it."""
    groups = {row.line.number: row.line.number for row in plan.rows}

    def head(line: int) -> int:
        while groups[line] != line:
            line = groups[line]
        return line

    for row in plan.rows:
        for record in row.records:
            owner = plan.owners.get(record.key)
            if owner is not None and owner is not row:
                groups[head(row.line.number)] = head(owner.line.number)
    return {line: head(line) for line in groups}


def _refusals(
    plan: Plan, said: Mapping[int, Sequence[str]], groups: Mapping[int, int]
) -> tuple[dict[int, str], set[int]]:
    """The rows that are refused, and why; and the rows to try again without them.

    Tried again are those that only named a record which a refused row was to make, and those of its group.
    """
    leaning = {row.line.number for row in plan.rows if row.line.number in said and _leans(row, plan, said)}
    if leaning == said.keys():
        leaning = set()
    refused = {line: "; ".join(words) for line, words in said.items() if line not in leaning}
    fallen = {groups[line] for line in said}
    return refused, {line for line, group in groups.items() if group in fallen and line not in refused}


def _leans(row: ParsedRow, plan: Plan, refused: Container[int]) -> bool:
    """Whether the row names a record that another refused row was to make."""
    named = (key for record in row.records for key in (record.key, *record.refs.values()))
    owners = (plan.owners.get(key) for key in named)
    return any(o is not None and o is not row and o.line.number in refused for o in owners)
