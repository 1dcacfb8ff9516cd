"""Many records at once, each on its own account: what a batch of the API asks for, and one mutation as a batch of one.

`write` takes its changes for one command; `write_each` takes them for as many, made as if one after the other, but with
as many statements as one needs. Where two of them mean the same record, the second is made in a round of its own.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from crmcore.errors import Refusals
from crmcore.kit.choices import Choices
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.record import Change
from crmcore.records.changes import Create, Delete, Refused, Restore, Update
from crmcore.records.write import Command, in_its_own, taken_meanwhile


class WriteOutcome(Choices):
    """What became of a record."""

    CREATED = "CREATED", "It is new."
    UPDATED = "UPDATED", "It, or a part of it, was changed."
    UNCHANGED = "UNCHANGED", "It was as asked for already."
    DELETED = "DELETED", "It was deleted, with its parts."
    RESTORED = "RESTORED", "It was brought back, with its parts."
    REFUSED = "REFUSED", "Nothing was done: the errors say why."
    NOT_DONE = "NOT_DONE", "Nothing was done, because others of the batch were refused."


@dataclass(frozen=True, slots=True)
class Done:
    """An item that was not refused. NOT_DONE has no record: others were refused, and all were to be done or none."""

    outcome: WriteOutcome
    id: UUID | None = None


Answer = Done | Refused

_OUTCOMES: Final[dict[type[Change], WriteOutcome]] = {
    Create: WriteOutcome.CREATED,
    Update: WriteOutcome.UPDATED,
    Delete: WriteOutcome.DELETED,
    Restore: WriteOutcome.RESTORED,
}


async def write_each(ctx: Context, items: Sequence[Change], *, partial: bool = False) -> list[Answer]:
    """Make each of the changes with its parts, in one transaction; what became of each, in their order.

    With `partial`, what is refused is left out and the others are made; otherwise one that is refused undoes all.
    Refusals is raised for what cannot be laid to one of several items.
    """

    async def work(tx: Transaction, wary: bool) -> list[Answer]:
        answers = await _Batch(ctx, tx, items, partial, wary).run()
        if not partial and any(isinstance(answer, Refused) for answer in answers):
            raise _Undo(answers)
        return answers

    try:
        return await in_its_own(ctx, work)
    except _Undo as undone:
        return [answer if isinstance(answer, Refused) else Done(WriteOutcome.NOT_DONE) for answer in undone.answers]


class _Undo(Exception):
    """Rolls the transaction back, and keeps what was said."""

    def __init__(self, answers: list[Answer]) -> None:
        super().__init__()
        self.answers = answers


class _Batch:
    """One attempt at all items."""

    def __init__(self, ctx: Context, tx: Transaction, items: Sequence[Change], partial: bool, wary: bool) -> None:
        self.ctx, self.tx, self.items, self.partial, self.wary = ctx, tx, items, partial, wary
        self.answers: dict[int, Answer] = {}

    async def run(self) -> list[Answer]:
        for places in rounds_of(self.items):
            if self.partial and len(self.items) > 1:
                await self._separately(places)
            else:
                await self._together(places)
        return [self.answers[place] for place in range(len(self.items))]

    async def _together(self, places: Sequence[int]) -> None:
        """These items by one command."""
        command = Command(self.ctx, self.tx, partial=True, wary=self.wary)
        changes = [self.items[place] for place in places]
        for number, written in enumerate(await command.run(changes)):
            place = places[number]
            if isinstance(written, Refused):
                self.answers[place] = written
            else:
                outcome = _OUTCOMES[type(self.items[place])]
                idle = outcome is WriteOutcome.UPDATED and not command.wrote(number)
                self.answers[place] = Done(WriteOutcome.UNCHANGED if idle else outcome, written.id)

    async def _separately(self, places: Sequence[int]) -> None:
        """The same. If what follows from one of them is refused, each half is tried alone, until that one is found."""
        try:
            async with self.tx.savepoint():
                await self._together(places)
        except Refusals as refusals:
            if taken_meanwhile(refusals):
                raise
            if len(places) == 1:
                self.answers[places[0]] = Refused(tuple(refusals.refusals))
                return
            middle = len(places) // 2
            await self._separately(places[:middle])
            await self._separately(places[middle:])


def rounds_of(items: Sequence[Change]) -> list[list[int]]:
    """The places of the items, in rounds: no two of a round mean the same record."""
    rounds: list[list[int]] = []
    latest: dict[Hashable, int] = {}
    for place, item in enumerate(items):
        meant = list(_meant(item))
        number = max((latest[key] + 1 for key in meant if key in latest), default=0)
        latest.update(dict.fromkeys(meant, number))
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(place)
    return rounds


def _meant(change: Change) -> Iterator[Hashable]:
    """The records that a change names as its own."""
    if change.id is not None:
        yield change.model, change.id
    if isinstance(change, Create | Update):
        for part in change.parts:
            yield from _meant(part.change)


__all__ = ["Answer", "Done", "WriteOutcome", "write_each"]
