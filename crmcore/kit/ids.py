"""Identifiers: UUIDv7 keys and the global ids of the API (`care_plan_0198f3a2-...`)."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID, SafeUUID

import uuid_utils

_GLOBAL = re.compile(r"([a-z][a-z0-9_]*)_([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})", re.ASCII)

_make, _set = object.__new__, object.__setattr__


def new_id() -> UUID:
    """A new UUIDv7 (RFC 9562), time-ordered within this process. What UUID's own constructor checks is known here."""
    made = _make(UUID)
    _set(made, "int", uuid_utils.uuid7().int)
    _set(made, "is_safe", SafeUUID.unknown)
    return made


def plain_key(key: Any) -> str:
    """For orjson: a driver's UUIDs are of a class of its own, which it does not take for UUIDs."""
    if isinstance(key, UUID):
        return str(key)
    raise TypeError(f"{type(key).__name__} is not JSON.")


def to_global(prefix: str, key: UUID) -> str:
    """The global id of a record: the record's table name and its key."""
    return f"{prefix}_{key}"


def from_global(text: str) -> tuple[str, UUID]:
    """The prefix and key of a global id. ValueError when the text is none."""
    match = _GLOBAL.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an id")
    return match[1], UUID(match[2])
