"""Writing the demo's year into a database, through the write engine as everybody else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Final

from crmcore.demo.company import a_year
from crmcore.demo.diary import Command, Diary
from crmcore.demo.words import COMPANY
from crmcore.errors import ConfigError
from crmcore.kit.garbage import seldom_collected
from crmcore.kit.sql import Sql, value
from crmcore.platform.context import Context
from crmcore.platform.database import refresh_statistics, retrying
from crmcore.platform.fields import Uuid
from crmcore.records import Create, write

CHANGES: Final = 2000
"""The most changes of one command, and about as many as one transaction holds."""

LARGEST: Final = 20.0

Progress = Callable[[int, int], None]
"""Told how many changes are made, and of how many."""

_uuid = Uuid()


@dataclass(frozen=True, slots=True)
class Filled:
    """What was made, by kind of record; nothing if there was a company already."""

    made: Mapping[str, int]
    already: bool = False


async def fill(
    ctx: Context,
    *,
    seed: int,
    today: date,
    scale: float = 1.0,
    progress: Progress | None = None,
) -> Filled:
    """Fill the tenant with a company and its year up to yesterday, once.

    Facts carry the time at which they would have happened. The same seed, day and scale give the same records with the
    same ids; only what the engine adds by itself (events, stage transitions) has ids of its own.
    """
    if not 0 < scale <= LARGEST:
        raise ConfigError(f"The scale must be above 0 and at most {LARGEST:g}: 1 is 2,000 customers.")
    if await _is_filled(ctx):
        return Filled({}, already=True)
    with seldom_collected():
        diary = a_year(seed, today, scale)
        made = await _write_all(ctx, diary, progress or (lambda _done, _all_of: None))
        await refresh_statistics(ctx.db)
        return Filled(made)


async def _write_all(ctx: Context, diary: Diary, progress: Progress) -> dict[str, int]:
    """Write every command at its time; how many records of each kind were made."""
    made: Counter[str] = Counter()
    done = 0
    for commands in _together(diary.commands(CHANGES)):
        await retrying(partial(_write_some, ctx, commands))
        for command in commands:
            made.update(change.model.__name__ for change in command.changes if isinstance(change, Create))
            done += len(command.changes)
        progress(done, len(diary))
    return dict(sorted(made.items()))


def _together(commands: Iterable[Command]) -> Iterator[list[Command]]:
    """As many commands as make a good transaction: what is written often is then written to the disk once."""
    chosen: list[Command] = []
    for command in commands:
        chosen.append(command)
        if sum(len(one.changes) for one in chosen) >= CHANGES:
            yield chosen
            chosen = []
    if chosen:
        yield chosen


async def _write_some(ctx: Context, commands: Sequence[Command]) -> None:
    async with ctx.db.transaction() as tx:
        for command in commands:
            await write(replace(ctx, clock=_stopped(command.at)), command.changes, tx=tx)


def _stopped(at: datetime) -> Callable[[], datetime]:
    return lambda: at


async def _is_filled(ctx: Context) -> bool:
    """Whether the company is there. Its team gets its manager last, so without one a run was broken off."""
    rows = await ctx.db.fetch(
        Sql(
            "SELECT manager_id FROM team WHERE deleted_at IS NULL AND tenant_id = ",
            value(_uuid.to_driver(ctx.tenant_id, ctx.db.dialect)),
            " AND name = ",
            value(COMPANY),
        )
    )
    if rows and rows[0]["manager_id"] is None:
        raise ConfigError("An earlier run was broken off and left half a company: begin with an empty database.")
    return bool(rows)
