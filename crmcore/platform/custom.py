"""Custom fields: what each tenant has defined, known to a process without a statement in every request.

The token's lookup tells the tenant's `fields_version`, which every change of a definition steps in its transaction. A
process keeps the definitions that it has read under that version, so what it knows is never older than the request.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Final, Protocol
from uuid import UUID

import orjson
from tortoise.models import Model

from crmcore.kit.choices import Choices
from crmcore.kit.emails import normal_email
from crmcore.kit.phones import normal_phone
from crmcore.kit.sql import Bind, Dialect, Sql, Statement, render
from crmcore.kit.urls import normal_url
from crmcore.platform.driver import Row
from crmcore.platform.fields import BigInt, Day, Text, UtcDatetime, Uuid
from crmcore.platform.tables import FilledIndex, UniqueIndex


class CustomFieldType(Choices):
    """What the values of a custom field are."""

    TEXT = "TEXT", "Text of at most 500 characters."
    NUMBER = "NUMBER", "A whole number of 32 bits."
    DECIMAL = "DECIMAL", "An exact number with at most four places."
    BOOLEAN = "BOOLEAN", "Yes or no."
    DATE = "DATE", "A day."
    DATE_TIME = "DATE_TIME", "An instant."
    SELECT = "SELECT", "One of the field's options."
    MULTI_SELECT = "MULTI_SELECT", "Any of the field's options."
    URL = "URL", "An address on the web, with http or https."
    EMAIL = "EMAIL", "An email address, kept in lower case."
    PHONE = "PHONE", "A phone number, kept without spaces and punctuation."
    REFERENCE = "REFERENCE", "Another record, of the type that the field names."

    @property
    def member(self) -> str:
        """The name under which the API takes and filters such values: `dateTime` for DATE_TIME."""
        head, *rest = self.value.lower().split("_")
        return head + "".join(part.capitalize() for part in rest)


SELECTS: Final = (CustomFieldType.SELECT, CustomFieldType.MULTI_SELECT)

NORMAL: Final[Mapping[CustomFieldType, Callable[[str], str]]] = {
    CustomFieldType.URL: normal_url,
    CustomFieldType.EMAIL: normal_email,
    CustomFieldType.PHONE: normal_phone,
}
"""What puts a text into the form in which such values are kept, and looked for. ValueError for what is none."""

BY_MEMBER: Final[Mapping[str, CustomFieldType]] = {kind.member: kind for kind in CustomFieldType}


@dataclass(frozen=True, slots=True)
class Definition:
    """One custom field of one tenant. `record_type` and `reference_type` are names of tables."""

    id: UUID
    record_type: str
    key: str
    type: CustomFieldType
    options: tuple[str, ...] = ()
    reference_type: str | None = None
    is_required: bool = False
    is_unique: bool = False
    deleted: bool = False

    @property
    def slot(self) -> str:
        """The field's name in the column `custom_fields`: a key may come again when its field is deleted, an id not."""
        return str(self.id)


@dataclass(frozen=True, slots=True)
class Definitions:
    """A tenant's custom fields at one version."""

    version: int
    every: Sequence[Definition] = ()
    _by_key: dict[tuple[str, str], Definition] = field(init=False, repr=False, compare=False)
    by_slot: dict[str, Definition] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_key", {(d.record_type, d.key): d for d in self.every if not d.deleted})
        object.__setattr__(self, "by_slot", {d.slot: d for d in self.every})

    def find(self, record_type: str, key: str) -> Definition | None:
        """The living field of this key."""
        return self._by_key.get((record_type, key))

    def of(self, record_type: str) -> Iterable[Definition]:
        """The living fields of a type of record."""
        return (d for d in self._by_key.values() if d.record_type == record_type)


INDEXED: Final = ("text", "folded", "number", "day", "moment", "target_id")
"""The columns of CustomValue of which each type of field fills one; texts have their folded form beside them."""

_EACH: Final = ("tenant_id", "field_id")


class CustomValue(Model):
    """A value of a living record, once more, where indexes serve it; of a MULTI_SELECT, one of its options.

    Written by the write engine with the record. `held` is the value's text where it must be unique.
    """

    id = Uuid(primary_key=True)
    tenant_id = Uuid()
    field_id = Uuid()
    record_id = Uuid()
    text = Text(500, null=True)
    folded = Text(500, null=True)
    number = BigInt(null=True)
    day = Day(null=True)
    moment = UtcDatetime(null=True)
    target_id = Uuid(null=True)
    held = Text(500, null=True)

    class Meta(Model.Meta):
        table = "custom_value"
        indexes: ClassVar[Any] = (
            ("tenant_id", "record_id", "field_id"),
            *(FilledIndex(fields=(*_EACH, c, "record_id"), name=f"ix_custom_value_{c}", filled=c) for c in INDEXED),
            UniqueIndex(fields=(*_EACH, "held"), name="uq_custom_value_held", where="held IS NOT NULL"),
        )


class Fetching(Protocol):
    """A database or a transaction."""

    @property
    def dialect(self) -> Dialect: ...

    async def fetch(self, tree: Sql | Statement, run: Any = None) -> list[Row]: ...


class KnownFields:
    """The definitions of the tenants that a process serves; the least recently used tenants go first."""

    def __init__(self, tenants: int = 1000) -> None:
        self._tenants = tenants
        self._known: OrderedDict[UUID, Definitions] = OrderedDict()

    def find(self, tenant: UUID, version: int | None) -> Definitions | None:
        """What is known of a tenant at this version or a later one; None if it must be read."""
        if version == 0:
            return NOTHING
        found = self._known.get(tenant)
        if version is None or found is None or found.version < version:
            return None
        self._known.move_to_end(tenant)
        return found

    async def read(self, source: Fetching, tenant: UUID) -> Definitions:
        """Read a tenant's definitions, by one statement."""
        rows = await source.fetch(_select(source.dialect), tenant)
        every = tuple(_definition(row) for row in rows if row["id"] is not None)
        return Definitions(int(rows[0]["fields_version"]) if rows else 0, every)

    def keep(self, tenant: UUID, found: Definitions) -> None:
        """Remember what is committed, unless something newer is known."""
        if (known := self._known.get(tenant)) is None or known.version < found.version:
            self._known[tenant] = found
        self._known.move_to_end(tenant)
        while len(self._known) > self._tenants:
            self._known.popitem(last=False)


NOTHING: Final = Definitions(0)
_ID: Final = Uuid()
_READ: Final = ("id", "record_type", "key", "type", "options", "reference_type", "is_required", "is_unique")


@cache
def _select(dialect: Dialect) -> Statement:
    tenant = Bind(lambda run: _ID.to_driver(run, dialect), "uuid")
    columns = ", ".join(f'f."{name}"' for name in _READ)
    return render(Sql(
        f"SELECT coalesce(n.fields_version, 0) AS fields_version, {columns}, f.deleted_at FROM tenant n "
        "LEFT JOIN custom_field f ON f.tenant_id = n.id WHERE n.id = ", tenant, ' ORDER BY f.position, f."key"',
    ), dialect)  # fmt: skip


def _definition(row: Row) -> Definition:
    options = row["options"]
    return Definition(
        id=UUID(str(row["id"])),
        record_type=row["record_type"],
        key=row["key"],
        type=CustomFieldType(row["type"]),
        options=tuple(orjson.loads(options) if isinstance(options, str | bytes) else options or ()),
        reference_type=row["reference_type"],
        is_required=bool(row["is_required"]),
        is_unique=bool(row["is_unique"]),
        deleted=row["deleted_at"] is not None,
    )
