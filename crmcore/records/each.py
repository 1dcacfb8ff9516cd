"""Many records at once, each on its own account: what a batch of the API asks for, and one mutation as a batch of one.

`write` takes its changes for one command; `write_each` takes them for as many, made as if one after the other, but with
as many statements as one needs. Where two of them mean the same record, the second is made in a round of its own.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from crmcore.errors import Refusals
from crmcore.kit.choices import Choices
from crmcore.kit.garbage import seldom_collected
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.record import Change
from crmcore.records.changes import Create, Delete, Refused, Restore, Update
from crmcore.records.same_parts import settle_updates
from crmcore.records.upserting import Asked, Upsert, resolve, take_turns
from crmcore.records.write import Command, in_its_own, taken_meanwhile


class WriteOutcome(Choices):
    """What became of a record."""

    CREATED = "CREATED", "It is new."
    UPDATED = "UPDATED", "It, or a part of it, was changed."
    UNCHANGED = "UNCHANGED", "It was as asked for already."
    DELETED = "DELETED", "It was deleted, with its parts."
    RESTORED = "RESTORED", "It was brought back, with its parts."
    SKIPPED = "SKIPPED", "It was there already, and was left as it is."
    REFUSED = "REFUSED", "Nothing was done: the errors say why."
    NOT_DONE = "NOT_DONE", "Nothing was done, because others of the batch were refused."


@dataclass(frozen=True, slots=True)
class Done:
    """An item that was not refused. NOT_DONE has no record: others were refused, and all were to be done or none."""

    outcome: WriteOutcome
    id: UUID | None = None


_MANY: Final = 100
"""So many items make objects enough for the collector to be a burden."""

Answer = Done | Refused
Item = Change | Upsert

_OUTCOMES: Final[dict[type[Change], WriteOutcome]] = {
    Create: WriteOutcome.CREATED,
    Update: WriteOutcome.UPDATED,
    Delete: WriteOutcome.DELETED,
    Restore: WriteOutcome.RESTORED,
}


async def write_each(ctx: Context, items: Sequence[Item], *, partial: bool = False) -> list[Answer]:
    """Make each of the changes with its parts, in one transaction; what became of each, in their order.

    An upsert finds what an item before it has made. With `partial`, what is refused is left out and the others are
    made; otherwise one that is refused undoes all. Refusals is raised for what cannot be laid to one of several items.
    """

    async def work(tx: Transaction, wary: bool) -> list[Answer]:
        answers = await _Batch(ctx, tx, items, partial, wary).run()
        if not partial and any(isinstance(answer, Refused) for answer in answers):
            raise _Undo(answers)
        return answers

    try:
        with seldom_collected() if len(items) > _MANY else nullcontext():
            return await in_its_own(ctx, work)
    except _Undo as undone:
        return _not_done(undone.answers)
    except Refusals:
        if partial or len(items) == 1:
            raise
        if told := await _whose(ctx, items):
            return told
        raise


async def _whose(ctx: Context, items: Sequence[Item]) -> list[Answer]:
    """To which items a refusal is due that came when all were written: each is tried, and all is undone. Empty if it is
    due to none of them alone."""

    async def work(tx: Transaction, wary: bool) -> None:
        raise _Undo(await _Batch(ctx, tx, items, True, wary).run())

    try:
        await in_its_own(ctx, work)
    except _Undo as undone:
        return _not_done(undone.answers) if any(isinstance(one, Refused) for one in undone.answers) else []
    raise AssertionError


def _not_done(answers: Sequence[Answer]) -> list[Answer]:
    return [answer if isinstance(answer, Refused) else Done(WriteOutcome.NOT_DONE) for answer in answers]


class _Undo(Exception):
    """Rolls the transaction back, and keeps what was said."""

    def __init__(self, answers: list[Answer]) -> None:
        super().__init__()
        self.answers = answers


class _Batch:
    """One attempt at all items."""

    def __init__(self, ctx: Context, tx: Transaction, items: Sequence[Item], partial: bool, wary: bool) -> None:
        self.ctx, self.tx, self.items, self.partial, self.wary = ctx, tx, items, partial, wary
        self.asked = {place: Asked.of(item) for place, item in enumerate(items) if isinstance(item, Upsert)}
        self.answers: dict[int, Answer] = {}

    async def run(self) -> list[Answer]:
        await take_turns(self.ctx, self.tx, self.asked.values())
        for places in self._rounds():
            await (self._separately(places) if self.partial else self._together(places))
        return [self.answers[place] for place in range(len(self.items))]

    async def _separately(self, places: Sequence[int]) -> None:
        """These items, so that one which fails takes no other with it: then each half is tried alone."""
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

    async def _together(self, places: Sequence[int]) -> None:
        """These items by one command, after one that brings back the records which an upsert found deleted."""
        changes, back = await self._changes(places)
        await self._write(back)
        refused = {place for place in back if isinstance(self.answers[place], Refused)}
        changes = {place: change for place, change in changes.items() if place not in refused}
        await self._write(await settle_updates(self.ctx, self.tx, changes))
        for place in back.keys() - refused:
            answer = self.answers[place]
            if isinstance(answer, Done):
                self.answers[place] = Done(WriteOutcome.RESTORED, answer.id)
            elif self.partial:
                raise Refusals(answer.refusals)  # it is back, and must not be

    async def _changes(self, places: Sequence[int]) -> tuple[dict[int, Change], dict[int, Restore]]:
        """The changes that the items come to, and what must be brought back before them; the others are answered."""
        changes = {place: item for place in places if not isinstance(item := self.items[place], Upsert)}
        asked = {place: self.asked[place] for place in places if place in self.asked}
        back: dict[int, Restore] = {}
        for place, meant in zip(asked, await resolve(self.ctx, self.tx, list(asked.values()))):
            if meant.refusal is not None:
                meant.refusal.change = asked[place].new
                self.answers[place] = Refused((meant.refusal,))
            elif meant.left_alone is not None:
                self.answers[place] = Done(WriteOutcome.SKIPPED, meant.left_alone)
            else:
                assert meant.change is not None
                changes[place] = meant.change
            if meant.restore is not None:
                back[place] = meant.restore
        return changes, back

    async def _write(self, changes: Mapping[int, Change]) -> None:
        """Make the changes by one command, and answer their items."""
        if not changes:
            return
        only = len(self.items) == 1 and not self.asked
        command = Command(self.ctx, self.tx, partial=True, wary=self.wary, last=only)
        written = await command.run(list(changes.values()))
        for number, (place, change) in enumerate(changes.items()):
            said = written[number]
            if isinstance(said, Refused):
                self.answers[place] = said
                continue
            outcome = _OUTCOMES[type(change)]
            idle = outcome is WriteOutcome.UPDATED and not command.wrote(number)
            self.answers[place] = Done(WriteOutcome.UNCHANGED if idle else outcome, said.id)

    def _rounds(self) -> list[list[int]]:
        """The places of the items, in rounds: no two of a round mean the same record."""
        rounds: list[list[int]] = []
        latest: dict[Hashable, int] = {}
        for place in range(len(self.items)):
            meant = list(self._means(place))
            number = max((latest[key] + 1 for key in meant if key in latest), default=0)
            latest.update(dict.fromkeys(meant, number))
            if number == len(rounds):
                rounds.append([])
            rounds[number].append(place)
        return rounds

    def _means(self, place: int) -> Iterator[Hashable]:
        """The records that an item names as its own, and the keys by which it looks for one."""
        item = self.items[place]
        if isinstance(item, Upsert):
            yield from self.asked[place].all_keys()
            item = item.create
        yield from _named(item)


def _named(change: Change) -> Iterator[Hashable]:
    if change.id is not None:
        yield change.model, change.id
    if isinstance(change, Create | Update):
        for part in change.parts:
            yield from _named(part.change)


__all__ = ["Answer", "Done", "Item", "WriteOutcome", "write_each"]
