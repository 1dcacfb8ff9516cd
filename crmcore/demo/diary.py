"""The demo's year as a list of dated changes, made from a seed and written down in the order in which they happened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, Final, TypeVar
from uuid import UUID

from crmcore.records import Change, Create, Record, Update

DAYS: Final = 365
DAYS_TOGETHER: Final = 1
"""How many days are written by one command: what follows from its changes is then done once for all of them."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Command:
    """Changes that were made together, and when."""

    at: datetime
    changes: Sequence[Change]


class Diary:
    """Collects changes. Everything lies before `today`: the last day that may be written about is yesterday."""

    def __init__(self, seed: int, today: date, scale: float) -> None:
        self.today = today
        self.scale = scale
        self.first = today - timedelta(days=DAYS)
        self.last = today - timedelta(days=1)
        self._seed = seed
        self._ids = self.random("ids")
        self._entries: list[tuple[datetime, int, UUID, Change]] = []

    def random(self, area: str) -> Random:
        """A generator of an area's own, so that a change in one area leaves the others as they were."""
        return Random(f"{self._seed}/{area}")

    def count(self, full: int) -> int:
        """How many there are at this scale; at least one."""
        return max(1, round(full * self.scale))

    def id(self, at: datetime) -> UUID:
        """A UUIDv7 of that moment."""
        stamp = int(at.timestamp() * 1000) << 80
        bits = self._ids.getrandbits(74)
        return UUID(int=stamp | 7 << 76 | (bits >> 62) << 64 | 2 << 62 | bits & ((1 << 62) - 1))

    def create(self, at: datetime, model: type[Record], values: dict[str, Any]) -> UUID:
        """Note a new record. `values` may still be changed until the diary is read."""
        key = self.id(at)
        self._entries.append((at, len(self._entries), key, Create(model, values, id=key)))
        return key

    def update(
        self, at: datetime, model: type[Record], key: UUID, values: dict[str, Any], *, moves: bool = False
    ) -> None:
        """Note a change of a record that is already in the diary."""
        self._entries.append((at, len(self._entries), key, Update(model, key, values, moves=moves)))

    def knows(self, day: date) -> bool:
        """Whether the day is past, so that it can be written about."""
        return day <= self.last

    def commands(self, most: int) -> Iterator[Command]:
        """The changes by day, in commands of at most `most`; no command changes a record twice."""
        changes: list[Change] = []
        touched: set[UUID] = set()
        day, latest = self.first, datetime.combine(self.first, time(), UTC)
        for at, _order, key, change in sorted(self._entries, key=lambda entry: entry[:2]):
            if changes and ((at.date() - day).days >= DAYS_TOGETHER or len(changes) >= most or key in touched):
                yield Command(latest, changes)
                changes, touched = [], set()
            day, latest = at.date(), at
            changes.append(change)
            touched.add(key)
        if changes:
            yield Command(latest, changes)

    def __len__(self) -> int:
        return len(self._entries)


def moment(random: Random, day: date) -> datetime:
    """Some minute of a day's working hours."""
    return datetime.combine(day, time(7), UTC) + timedelta(minutes=random.randrange(600), seconds=random.randrange(60))


def workday(day: date) -> date:
    """The day itself, or the Monday after it."""
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0)


def between(random: Random, first: date, last: date) -> date:
    """A day from `first` to `last`."""
    return first + timedelta(days=random.randint(0, max(0, (last - first).days)))


def pick(random: Random, weighted: Sequence[tuple[T, float]]) -> T:
    """One of the things, by weight."""
    return random.choices([thing for thing, _ in weighted], [weight for _, weight in weighted])[0]
