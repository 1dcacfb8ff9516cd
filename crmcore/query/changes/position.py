"""Where a client stands in the feed: what its cursor holds.

A cursor is signed, and bound to what the client may see and asked for: a digest of its tenant, user, team, reach and
the record types. With another digest the copy that it belongs to cannot be brought up to date.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final
from uuid import UUID

import orjson

from crmcore.platform.access import Policy

_MAC: Final = 12
_NO_CURSOR: Final = "this is no cursor of this feed: it was changed on the way, or made elsewhere. Begin without it."

FIRST: Final = UUID(int=0)
LAST: Final = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class Place:
    """A record in an order of records: the number of its type among those asked for, and its key."""

    type: int = 0
    id: UUID = FIRST

    def low(self, type: int) -> UUID:
        """The key behind which the records of a type are still to come."""
        return self.id if type == self.type else LAST if type < self.type else FIRST


BEGIN: Final = Place()


@dataclass(frozen=True, slots=True)
class Position:
    """`after`: the log is told up to this sequence.

    In the snapshot, `snapshot` is the last record that was told; the log is taken up where it stood at the beginning.
    With a `window`, the events up to that sequence are told too, and `place` is the last of the records whose
    visibility hangs on them.
    """

    after: int
    snapshot: Place | None = None
    window: int | None = None
    place: Place = BEGIN


def digest(policy: Policy, tables: Sequence[str]) -> str:
    """What a cursor is bound to."""
    actor = policy.actor
    told = f"{policy.tenant_id} {actor.user_id} {actor.team_id} {policy.reach} {' '.join(tables)}"
    return blake2b(told.encode(), digest_size=8).hexdigest()


class Seal:
    """Signs positions and checks them, with a key made from `secret`."""

    def __init__(self, secret: bytes) -> None:
        self._key = blake2b(secret, digest_size=32, person=b"crmcore-changes").digest()

    def cursor(self, bound: str, position: Position) -> str:
        """The cursor of a position, bound to this digest."""
        place = position.snapshot or position.place
        kind = "snapshot" if position.snapshot else "log"
        payload = orjson.dumps([bound, kind, position.after, position.window, place.type, str(place.id)])
        return urlsafe_b64encode(self._mac(payload) + payload).rstrip(b"=").decode()

    def open(self, cursor: str) -> tuple[str, Position]:
        """The digest and the position of a cursor. ValueError, which says so, if it is none of ours."""
        try:
            raw = cursor.encode("ascii")
            sealed = urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))
        except ValueError as error:
            raise ValueError(_NO_CURSOR) from error
        payload = sealed[_MAC:]
        if urlsafe_b64encode(self._mac(payload) + payload).rstrip(b"=") != raw:
            raise ValueError(_NO_CURSOR)
        bound, kind, after, window, type_, id_ = orjson.loads(payload)
        place = Place(type_, UUID(id_))
        return bound, Position(after, place if kind == "snapshot" else None, window, place)

    def _mac(self, payload: bytes) -> bytes:
        return blake2b(payload, key=self._key, digest_size=_MAC).digest()
