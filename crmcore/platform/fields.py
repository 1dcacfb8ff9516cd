"""Column types: what a value is in Python, in SQLite, in PostgreSQL and in JSON, said once each.

    type         Python            SQLite    PostgreSQL          JSON and events
    Uuid         UUID              text      uuid                "0198f3a2-..."
    Text         str               text      varchar COLLATE "C" "..."
    Folded       str               text      varchar COLLATE "C" (never shown; made from another column)
    Choice       StrEnum           text      varchar COLLATE "C" "OPEN"
    Int          int               integer   int                 1
    BigInt       int               integer   bigint              1
    Flag         bool              integer   boolean             true
    Scaled       Decimal           integer   bigint              12.5 -> 125000 in the row, "12.5000" in events
    UtcDatetime  datetime in UTC   text      timestamptz         "2026-11-22T09:30:00.000000+00:00"
    Day          date              text      date                "2026-11-22"
    Json         list, dict, ...   text      jsonb               as it is
    Bytes        bytes             blob      bytea               (never shown)

Text sorts by code point on both databases. Tortoise's own field classes are not used in models: their datetimes compare
as text with offsets on SQLite, and their decimals pass through a float there.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

import orjson
from tortoise import fields

from crmcore.kit import decimals, times
from crmcore.kit.ids import new_id
from crmcore.kit.sql import Dialect

Writer = Callable[[Any], Any]


class Column:
    """What every column type answers. `kind` names the type for the read engine's mapping."""

    kind: ClassVar[str]
    pg_type: ClassVar[str]

    def to_driver(self, value: Any, dialect: Dialect) -> Any:
        """The driver's parameter for a Python value (None stays None)."""
        return value

    def from_driver(self, value: Any) -> Any:
        """The Python value of what either driver returned (None stays None)."""
        return value

    def to_json(self, value: Any) -> Any:
        """The JSON form in which the write engine sends values to the database (None stays None)."""
        return value

    def to_event(self, value: Any) -> Any:
        """The JSON form in events and history (None stays None)."""
        return self.to_json(value)

    def from_event(self, value: Any) -> Any:
        """The Python value of what `to_event` made (None stays None)."""
        return self.from_driver(value)

    def writer(self, dialect: Dialect) -> Writer | None:
        """`to_json`, or None where orjson writes the Python value as the database wants it."""
        return None

    def teller(self) -> Writer | None:
        """`to_event`, or None where orjson writes the Python value like that."""
        return None


class _Varchar(fields.CharField[Any]):
    """VARCHAR that compares by code point on both databases."""

    class _db_postgres:  # noqa: N801  Tortoise looks the name up
        def __init__(self, field: fields.CharField[Any]) -> None:
            self.field = field

        @property
        def SQL_TYPE(self) -> str:  # noqa: N802
            return f'VARCHAR({self.field.max_length}) COLLATE "C"'


class Text(Column, _Varchar):
    kind = "text"
    pg_type = "text"

    def __init__(self, max_length: int = 255, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, **kwargs)


class Folded(Column, _Varchar):
    """The folded form of the text column `of`, written by the write engine, for comparing and sorting names."""

    kind = "folded"
    pg_type = "text"

    def __init__(self, of: str, max_length: int = 510, **kwargs: Any) -> None:
        kwargs.setdefault("null", True)
        super().__init__(max_length=max_length, **kwargs)
        self.of = of


class Choice(Column, _Varchar):
    kind = "choice"
    pg_type = "text"

    def __init__(self, enum: type[StrEnum], max_length: int = 40, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, **kwargs)
        self.enum = enum

    def from_driver(self, value: Any) -> Any:
        return None if value is None else self.enum(value)


class Uuid(Column, fields.UUIDField[Any]):
    kind = "uuid"
    pg_type = "uuid"

    def __init__(self, **kwargs: Any) -> None:
        if kwargs.get("primary_key"):
            kwargs.setdefault("default", new_id)
        super().__init__(**kwargs)

    def to_driver(self, value: Any, dialect: Dialect) -> Any:
        return value if value is None or dialect == "postgres" else str(value)

    def from_driver(self, value: Any) -> Any:
        return value if value is None or isinstance(value, UUID) else UUID(str(value))

    def to_json(self, value: Any) -> Any:
        return None if value is None else str(value)


class Int(Column, fields.IntField[Any]):
    kind = "int"
    pg_type = "int"


class BigInt(Column, fields.BigIntField):
    kind = "int"
    pg_type = "bigint"


class Flag(Column, fields.BooleanField[Any]):
    kind = "bool"
    pg_type = "boolean"

    def to_driver(self, value: Any, dialect: Dialect) -> Any:
        return value if value is None or dialect == "postgres" else int(value)

    def from_driver(self, value: Any) -> Any:
        return None if value is None else bool(value)


class Scaled(Column, fields.BigIntField):
    """A decimal with four places, stored as whole ten-thousandths."""

    kind = "decimal"
    pg_type = "bigint"

    def to_driver(self, value: Any, dialect: Dialect) -> Any:
        return self.to_json(value)

    def from_driver(self, value: Any) -> Any:
        return None if value is None else decimals.from_scaled(int(value))

    def to_json(self, value: Any) -> Any:
        return None if value is None else decimals.to_scaled(Decimal(value))

    def to_event(self, value: Any) -> Any:
        return None if value is None else decimals.scaled_text(decimals.to_scaled(Decimal(value)))

    def from_event(self, value: Any) -> Any:
        return None if value is None else Decimal(value)

    def writer(self, dialect: Dialect) -> Writer | None:
        return self.to_json

    def teller(self) -> Writer | None:
        return self.to_event


class UtcDatetime(Column, fields.DatetimeField[Any]):
    kind = "datetime"
    pg_type = "timestamptz"

    class _db_sqlite:  # noqa: N801
        SQL_TYPE = "TEXT"

    def to_driver(self, value: Any, dialect: Dialect) -> Any:
        return value if value is None or dialect == "postgres" else times.to_text(value)

    def from_driver(self, value: Any) -> Any:
        return value if value is None or isinstance(value, datetime) else times.from_text(value)

    def to_json(self, value: Any) -> Any:
        return None if value is None else times.to_text(value)

    def writer(self, dialect: Dialect) -> Writer | None:
        return None if dialect == "postgres" else self.to_json

    def teller(self) -> Writer | None:
        return self.to_event


class Day(Column, fields.DateField[Any]):
    kind = "date"
    pg_type = "date"

    class _db_sqlite:  # noqa: N801
        SQL_TYPE = "TEXT"

    def to_driver(self, value: Any, dialect: Dialect) -> Any:
        return value if value is None or dialect == "postgres" else value.isoformat()

    def from_driver(self, value: Any) -> Any:
        return value if value is None or isinstance(value, date) else date.fromisoformat(value)

    def to_json(self, value: Any) -> Any:
        return None if value is None else value.isoformat()


class Json(Column, fields.JSONField[Any]):  # type: ignore[misc]  # Tortoise types it as dict and list at once
    kind = "json"
    pg_type = "jsonb"

    def to_driver(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else orjson.dumps(value).decode()

    def from_driver(self, value: Any) -> Any:
        return orjson.loads(value) if isinstance(value, str | bytes) else value

    def from_event(self, value: Any) -> Any:
        return value

    def writer(self, dialect: Dialect) -> Writer | None:
        """SQLite keeps it as text."""
        return None if dialect == "postgres" else lambda value: orjson.dumps(value).decode()


class Bytes(Column, fields.BinaryField[Any]):  # type: ignore[misc]  # Tortoise types it as bytes, too
    kind = "bytes"
    pg_type = "bytea"


class ChoiceList(Json):
    """A JSON list of enum values."""

    kind = "choices"

    def __init__(self, enum: type[StrEnum], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.enum = enum
