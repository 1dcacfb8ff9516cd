"""Changes of records of any type: the types' names, what kind of change it was, and the place of one in the log."""

from __future__ import annotations

from typing import Final

from crmcore.errors import BadInput
from crmcore.kit.choices import Choices
from crmcore.query import RecordType, Registry
from crmcore.query.vocabulary import enum_name
from crmcore.schema.shapes import Shapes

RECORD_TYPE_NAME: Final = "RecordTypeName"
_CURSOR: Final = "log."


def changing(registry: Registry) -> dict[str, RecordType]:
    """The records whose changes are told, by their value of `RecordTypeName`; logs only grow."""
    return {enum_name(record.name): record for record in registry.records.values() if not record.is_log}


def make_record_types(registry: Registry, shapes: Shapes) -> None:
    """`RecordTypeName`."""
    types = {name: record.description for name, record in changing(registry).items()}
    brought = {name: record.plugin for name, record in changing(registry).items()}
    shapes.names(RECORD_TYPE_NAME, "The types of records, for what tells of several.", types, brought=brought)


class ChangeOperation(Choices):
    """What became of a record."""

    CREATE = "CREATE", "It is new."
    UPDATE = "UPDATE", "It has other values."
    DELETE = "DELETE", "It is deleted, or you may not see it any more, or it no longer matches your filter: forget it."
    RESTORE = "RESTORE", "It was deleted and is back."


def log_cursor(sequence: int) -> str:
    """The place after this event."""
    return f"{_CURSOR}{sequence}"


def sequence_of(cursor: str, *path: str) -> int:
    """The event after which the cursor stands. BadInput for what is no cursor of ours."""
    digits = cursor.removeprefix(_CURSOR)
    if digits == cursor or not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        raise BadInput(f"{cursor[:80]!r} is no cursor of a change.", *path)
    return int(digits)
