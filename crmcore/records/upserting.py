"""What an upsert comes to: its record is created, changed, brought back or left alone, or not clear."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID
from zlib import crc32

from crmcore.errors import Duplicate, Invalid, Refusal
from crmcore.kit.choices import Choices
from crmcore.kit.ids import to_global
from crmcore.kit.sql import Sql, value
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.records.changes import Create, Restore, Update
from crmcore.records.matches import Found, Match, MatchKey, find
from crmcore.records.rows import Life
from crmcore.records.same_parts import update_of
from crmcore.records.shape import shape_of

_TURNS: Final = 256
_LOCK: Final = 7_702


class OnConflict(Choices):
    """What an upsert does when the record is there already."""

    UPDATE = "UPDATE", "Set what the input gives; what it leaves out stays."
    SKIP = "SKIP", "Leave the record as it is."
    FAIL = "FAIL", "Refuse."


class IfDeleted(Choices):
    """What an upsert does when the only such record is deleted."""

    FAIL = "FAIL", "Refuse: somebody deleted it on purpose."
    RESTORE = "RESTORE", "Bring it back and set what the input gives."
    CREATE_NEW = "CREATE_NEW", "Create a new one; the deleted one stays deleted."


@dataclass(frozen=True, slots=True)
class Upsert:
    """A record as it is to be: created, unless one of the `matches` finds that it is there."""

    create: Create
    matches: Sequence[Match]
    on_conflict: OnConflict = OnConflict.UPDATE
    if_deleted: IfDeleted = IfDeleted.FAIL


@dataclass(slots=True)
class Meant:
    """An upsert as it turned out: a change, with the deleted record to bring back before it, if any; or a record to
    leave alone; or a refusal. The parts of a record that is there are still to be settled."""

    change: Create | Update | None = None
    restore: Restore | None = None
    left_alone: UUID | None = None
    refusal: Refusal | None = None


@dataclass(slots=True)
class Asked:
    """An upsert on the way there: its keys by match, and the records that were found to have them."""

    upsert: Upsert
    keys: dict[Match, list[MatchKey]]
    living: dict[UUID, tuple[Match, Found]] = field(default_factory=dict)
    deleted: dict[UUID, tuple[Match, Found]] = field(default_factory=dict)

    @classmethod
    def of(cls, upsert: Upsert) -> Asked:
        """With its keys; none if one of them cannot be made: then the record itself is refused."""
        try:
            return cls(upsert, {match: list(match.keys(upsert.create)) for match in upsert.matches})
        except ValueError:
            return cls(upsert, {})

    @property
    def new(self) -> Create:
        return self.upsert.create

    def all_keys(self) -> Iterator[tuple[Match, MatchKey]]:
        """Each with its match."""
        return ((match, key) for match, keys in self.keys.items() for key in keys)


async def take_turns(ctx: Context, tx: Transaction, asked: Iterable[Asked]) -> None:
    """Upserts of the same keys wait for each other: on PostgreSQL two would both look, find nothing and create.

    One lock serves many keys of a tenant, so that a thousand take few; all take them in one order, so none embrace.
    """
    if tx.dialect == "sqlite":
        return  # one transaction at a time
    texts = (f"{m.model.__name__} {m.name} {key}" for one in asked for m, key in one.all_keys())
    tenant = crc32(ctx.tenant_id.bytes) // _TURNS * _TURNS
    turns = sorted({tenant + crc32(text.encode()) % _TURNS - 2**31 for text in texts})
    if turns:
        numbers = value(turns, "int[]")
        await tx.execute(Sql(f"SELECT pg_advisory_xact_lock({_LOCK}, turn) FROM unnest(", numbers, ") AS turn"))


async def resolve(ctx: Context, tx: Transaction, asked: Sequence[Asked]) -> list[Meant]:
    """What each comes to. So many statements, whatever their number."""
    for one in asked:
        one.living, one.deleted = {}, {}
    await _look(ctx, tx, asked, "living")
    await _look(ctx, tx, [one for one in asked if not one.living and _minds_deleted(one)], "deleted")
    return [_decide(one) for one in asked]


def _minds_deleted(asked: Asked) -> bool:
    return asked.upsert.if_deleted is not IfDeleted.CREATE_NEW


async def _look(ctx: Context, tx: Transaction, asked: Sequence[Asked], life: Life) -> None:
    """Find what has the keys: one statement for each match."""
    wanted: defaultdict[Match, dict[MatchKey, None]] = defaultdict(dict)
    for one in asked:
        for match, keys in one.keys.items():
            wanted[match].update(dict.fromkeys(keys))
    for match, all_keys in wanted.items():
        found = await find(ctx, tx, match, all_keys, life)
        for one in asked:
            hits = one.living if life == "living" else one.deleted
            for key in one.keys.get(match, ()):
                for record in found.get(key, ()):
                    hits.setdefault(record.id, (match, record))


def _decide(asked: Asked) -> Meant:
    new = asked.upsert.create
    if asked.keys and not any(asked.keys.values()):
        names = " or ".join(match.name for match in asked.upsert.matches)
        return Meant(refusal=Invalid(f"Give a value to find the record by: {names}, as matchOn says."))
    if not asked.living and not asked.deleted:
        return Meant(new)
    hits = asked.living or asked.deleted
    if len(hits) > 1:
        return Meant(refusal=_several(asked, hits))
    [(key, (match, record))] = hits.items()
    if not record.seen:
        return Meant(refusal=_taken(match, None, "is taken by a record that you may not see: give another value"))
    if new.id not in (None, key):
        return Meant(refusal=Invalid("The record that is there has another id: leave this one out.", "id"))
    if not asked.living:
        if asked.upsert.if_deleted is IfDeleted.FAIL:
            said = "is that of a deleted record: say by ifDeleted whether to RESTORE it or to CREATE_NEW"
            return Meant(refusal=_taken(match, key, said))
        return Meant(update_of(key, new), restore=Restore(new.model, key, path=new.path))
    if asked.upsert.on_conflict is OnConflict.UPDATE:
        return Meant(update_of(key, new))
    if asked.upsert.on_conflict is OnConflict.SKIP:
        return Meant(left_alone=key)
    return Meant(refusal=_taken(match, key, "is that of a living record: use that one, or give another value"))


def _taken(match: Match, existing: UUID | None, said: str) -> Duplicate:
    return Duplicate(f"{match.path or match.name} {said}.", *filter(None, [match.path]), existing_id=existing)


def _several(asked: Asked, hits: dict[UUID, tuple[Match, Found]]) -> Duplicate:
    """Not one record is meant: each is named, but for those that the caller may not see."""
    table = shape_of(asked.upsert.create.model).table
    named = ", ".join(
        f"{to_global(table, key) if record.seen else 'one that you may not see'} by {match.name}"
        for key, (match, record) in hits.items()
    )
    return Duplicate(f"{len(hits)} records match: {named}. Match by what tells them apart, or merge them.")


__all__ = ["Asked", "Meant", "resolve", "take_turns"]
