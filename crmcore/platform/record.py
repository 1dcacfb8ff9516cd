"""What a record is made of: the columns that every one has, and the rules that are its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from crmcore.errors import Refusal
from crmcore.platform.access import BY_OWNER, WHOLE_TENANT, Access, ActorKind
from crmcore.platform.fields import Choice, Int, Json, UtcDatetime, Uuid

if TYPE_CHECKING:
    from crmcore.platform.context import Context
    from crmcore.platform.database import Transaction
    from crmcore.platform.machine import Machine

Operation = Literal["create", "update", "delete", "restore"]


@dataclass(frozen=True, slots=True)
class Unique:
    """Columns that are unique together among a tenant's living records; a row with a null in one of them is free.

    `where` is a boolean column: then only rows in which it is true count (one live primary per customer). With
    `takes_over` a record that is newly marked takes the mark from the one that had it, in the same command. `says` is
    the column at which callers are told of a value that is taken, where it is not one of the columns.
    """

    columns: tuple[str, ...]
    where: str = ""
    takes_over: bool = False
    says: str = ""

    def index_name(self, table: str) -> str:
        return f"uq_{table}_{'_'.join(self.columns)}"


@dataclass(frozen=True, slots=True)
class Handle:
    """What tells apart the records that a part may belong to: the `column` of those parts whose `kind` column has one
    of the `kinds`. An upsert finds such a record by it, under `name`; `said` says what it is.
    """

    name: str
    said: str
    column: str
    kind: str
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """A named fact beside created, updated, deleted and restored, such as `deal.won`. The name is stable.

    Told by a rule or command; or with `on` by itself, whenever an update changes that column, or with `to` whenever
    that column comes to have this value, be it by a create.
    """

    name: str
    description: str
    on: str = ""
    to: str = ""

    def follows(self, draft: Draft, changed: Collection[str]) -> bool:
        """Whether it is told by itself of a draft with these changed columns."""
        if not self.on or self.on not in changed or draft.operation not in ("create", "update"):
            return False
        return draft.after[self.on] == self.to if self.to else draft.operation == "update"


@dataclass(slots=True)
class Draft:
    """One record about to be written: `before` (None on create) and `after`, both by column name, Python values.

    A rule or check reads `after` and may set derived columns in it and add named events. `moves` says that a command
    has checked the state machine; `notes` is what it tells the rules beside the values (why a deal was moved). `peers`
    are all drafts of the same command, this one too (see `targets`). `named` holds, by foreign key, what `Rules.reads`
    asks for of the record that the command named there anew, as it was before the command. An update with `always` is
    written and told even if no column changes.
    """

    operation: Operation
    model: type[Record]
    id: UUID
    before: Mapping[str, Any] | None
    after: dict[str, Any]
    index: int = 0
    moves: bool = False
    notes: Mapping[str, Any] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    named: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    peers: Mapping[tuple[type[Record], UUID], Draft] = field(default_factory=dict, repr=False, compare=False)
    always: bool = False

    def changed(self, *columns: str) -> bool:
        """Whether any of the columns differs from before; true for a new record that has a value there."""
        old = self.before or {}
        return any(old.get(c) != self.after.get(c) for c in columns)

    def refuse(self, refusal: Refusal) -> None:
        """Do not write this record, and say why: how a check refuses."""
        refusal.index = self.index
        self.refusals.append(refusal)


class Change:
    """What a command asks of the write engine: a Create, Update, Delete or Restore (changes.py)."""

    __slots__ = ()

    model: type[Record]
    id: UUID | None


Rule = Callable[[Draft], Iterable[Refusal]]
Check = Callable[["Context", "Transaction", Sequence[Draft]], Awaitable[None]]
Effect = Callable[["Context", "Transaction", Sequence[Draft]], Awaitable[Sequence[Change]]]


@dataclass(frozen=True, slots=True)
class Merging:
    """How two records of a kind become one (records/merging). Such a record has a loose reference `merged_into` to its
    own kind, which leads from a record that was merged to the one that survived.

    A value that the survivor lacks is filled in from the others, unless the command chooses.

    together  groups of columns that are filled in or chosen as one; the first says whether there is a value
    either    flags that hold for the survivor if they held for any of them
    alike     columns in which another record must be the same, so that what the survivor lacks is filled in from it
    derived   columns that rules or effects keep: what they are follows from the rest
    """

    together: tuple[tuple[str, ...], ...] = ()
    either: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Likeness:
    """By what two records of a kind may be the same (records/duplicates). The record is found by words.

    names    columns of names; the first is what the record is called
    sure     how sure the same name alone makes us, from 0 to 1: two people are called the same, two companies rarely
    numbers  columns that tell one from another, compared by their letters and digits: a tax number
    reached  the foreign key by which email addresses and phone numbers (contact_point) name the record
    """

    names: tuple[str, ...]
    sure: float
    numbers: tuple[str, ...] = ()
    reached: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is special about one record; everything else follows from its columns.

    unique   groups of columns that are unique among the living
    rules    pure functions, run for each draft of a create or an update; may derive columns
    checks   functions that need the database, run once for all drafts of a command that are new or changed, set-based;
             they may derive columns, and refuse with `draft.refuse`
    effects  functions that answer with further changes, made in the same transaction after the rows are written; they
             see deletions and restorations too, and are not asked for permission: they follow from what was allowed.
             An update of a record that is gone meanwhile is left out
    derives  required columns that rules or checks fill in: not asked for where something else is refused
    reads    what checks need of the records that foreign keys name: columns, by the key's column; read by the statement
             that looks whether those records are there, into `Draft.named`
    machine  the record's states and moves; its field is then changed by moves only
    events   every named fact about the record: none can be told that is not declared here
    search   text columns by whose words the record is found; the first is what it is called
    finds    columns of foreign keys: the words find those records instead of this one, which is a part of them
    merging  how records of the kind are merged; None if they are not
    likeness by what two of the kind may be the same; None if nobody looks for it
    once     groups like those in `unique` that nothing enforces, but of which a merge leaves one: the email address
             that a customer and the one merged into it both have
    handles  what of such a part identifies the records that it finds
    person   whether the record is somebody, all of whose data can be asked for and erased (records/persons.py)
    personal columns that say something of the person whom the record names, while it is no part of that person: told
             when the person's data are asked for, and blanked when the person is erased
    """

    unique: tuple[Unique, ...] = ()
    rules: tuple[Rule, ...] = ()
    checks: tuple[Check, ...] = ()
    effects: tuple[Effect, ...] = ()
    derives: tuple[str, ...] = ()
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    machine: Machine | None = None
    events: tuple[Event, ...] = ()
    search: tuple[str, ...] = ()
    finds: tuple[str, ...] = ()
    merging: Merging | None = None
    likeness: Likeness | None = None
    once: tuple[Unique, ...] = ()
    handles: tuple[Handle, ...] = ()
    person: bool = False
    personal: tuple[str, ...] = ()


class _OnlyHere:
    """True on the class that declares it and False on those below: Tortoise would take the word as inherited."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._declared_on = owner

    def __get__(self, instance: object, owner: type) -> bool:
        return owner is self._declared_on


class Record(Model):
    """A row that the engines know: id, tenant, stamps with actor, version, soft deletion.

    Foreign keys are declared with `reference()`; `CASCADE` there means a part of its parent, deleted and restored with
    it; `RESTRICT` that the target cannot be deleted while a living record names it; `SET NULL` a loose reference.
    `custom_fields` holds the values of the tenant's own fields by their slots (platform/custom.py).
    """

    id = Uuid(primary_key=True)
    tenant_id = Uuid()
    version = Int(default=1)
    created_at = UtcDatetime()
    created_by_kind = Choice(ActorKind)
    created_by_id = Uuid(null=True)
    updated_at = UtcDatetime()
    updated_by_kind = Choice(ActorKind)
    updated_by_id = Uuid(null=True)
    deleted_at = UtcDatetime(null=True)
    deletion_id = Uuid(null=True)
    custom_fields = Json(null=True)

    special: ClassVar[Rules] = Rules()
    access: ClassVar[Access] = WHOLE_TENANT

    class Meta(Model.Meta):
        abstract: Any = _OnlyHere()


class OwnedRecord(Record):
    """A record with an owner and a team, by which row policies see it."""

    owner: Any = fields.ForeignKeyField("core.User", related_name=False, null=True, on_delete=fields.SET_NULL)
    team: Any = fields.ForeignKeyField("core.Team", related_name=False, null=True, on_delete=fields.SET_NULL)

    access: ClassVar[Access] = BY_OWNER

    class Meta(Record.Meta):
        abstract: Any = _OnlyHere()


def reference(to: str, on_delete: str = "RESTRICT", **kwargs: Any) -> Any:
    """A foreign key to another record (`"core.Customer"`): CASCADE, RESTRICT or SET NULL, as `Record` says.

    No attribute appears on the other class, so a plugin's key leaves the core as it was.
    """
    return fields.ForeignKeyField(to, related_name=False, on_delete=fields.OnDelete(on_delete), **kwargs)


SYSTEM_COLUMNS = frozenset(
    {
        "id",
        "tenant_id",
        "version",
        "created_at",
        "created_by_kind",
        "created_by_id",
        "updated_at",
        "updated_by_kind",
        "updated_by_id",
        "deleted_at",
        "deletion_id",
    }
)
"""Columns that only the write engine sets."""


_C = TypeVar("_C", bound=Check)
_E = TypeVar("_E", bound=Effect)


def check(model: type[Record]) -> Callable[[_C], _C]:
    """Decorator: run this check for every command that creates or updates records of `model`."""

    def register(function: _C) -> _C:
        model.special = replace(model.special, checks=(*model.special.checks, function))
        return function

    return register


def effect(model: type[Record]) -> Callable[[_E], _E]:
    """Decorator: let this effect follow every command that writes records of `model`."""

    def register(function: _E) -> _E:
        model.special = replace(model.special, effects=(*model.special.effects, function))
        return function

    return register
