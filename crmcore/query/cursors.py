"""Cursors: opaque, signed positions in a list.

The statement writes a marker where a cursor belongs: a random word of this process, the number of the list, and the
sort values as hexadecimal JSON. When the answer is there, one pass over its bytes puts signed cursors in the markers'
place.

A cursor is valid for one tenant and one list: the field that it is a page of, its order, and every argument that says
which records the list has. It goes with the values of those arguments, not with how the document writes them.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from secrets import token_hex
from typing import Any, Final

import orjson

from crmcore.query.arguments import Argument, Run

Binding = Callable[[Run], bytes]
"""What the cursors of a list are bound to in a run: a digest of the list, its order and its filter."""

PAGING: Final = frozenset({"first", "after", "last", "before", "orderBy"})
"""Arguments that do not say which records a list has. `orderBy` is in the order's signature."""

_MAC: Final = 12
_BINDING: Final = 8
_NO_CURSOR: Final = "this is no cursor of yours: it was changed on the way, or made elsewhere. Take one from a page."
_OTHER_LIST: Final = "this cursor belongs to another list, filter or order. Take one of a page with the same arguments."
_STALE: Final = "this cursor is of an older version of the list. Begin again without it."


class Cursors:
    """Signs cursors and checks them, with a key made from `secret`."""

    def __init__(self, secret: bytes) -> None:
        self._key = blake2b(secret, digest_size=32, person=b"crmcore-cursor").digest()
        self.word = token_hex(12)
        self._marker = re.compile(self.word.encode() + rb"(\d+)\.([0-9A-Fa-f]+)")

    def _mac(self, signed: bytes, run: Run) -> bytes:
        return blake2b(run.context.policy.tenant_id.bytes + signed, key=self._key, digest_size=_MAC).digest()

    def _token(self, signed: bytes, run: Run) -> bytes:
        return urlsafe_b64encode(self._mac(signed, run) + signed).rstrip(b"=")

    def open(self, text: str, run: Run, binding: bytes, length: int) -> list[Any]:
        """The `length` sort values of a cursor. ValueError, which says why, if it is none of this list's."""
        try:
            raw = text.encode("ascii")
            signed = urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))[_MAC:]
        except ValueError as error:
            raise ValueError(_NO_CURSOR) from error
        if self._token(signed, run) != raw:
            raise ValueError(_NO_CURSOR)
        if signed[:_BINDING] != binding:
            raise ValueError(_OTHER_LIST)
        values: list[Any] = orjson.loads(signed[_BINDING:])
        if len(values) != length:
            raise ValueError(_STALE)
        return values

    def finish(self, answer: bytes, run: Run, bindings: Sequence[Binding]) -> bytes:
        """The answer with signed cursors in the place of the markers."""
        made = [binding(run) for binding in bindings]

        def signed(match: re.Match[bytes]) -> bytes:
            payload = orjson.dumps(orjson.loads(bytes.fromhex(match[2].decode())))  # one text on every database
            return self._token(made[int(match[1])] + payload, run)

        return self._marker.sub(signed, answer)


def binding_of(name: str, order: str, given: Mapping[str, Argument]) -> Binding:
    """What cursors of the list `name` are bound to, in this order and with these arguments of its field."""
    fixed = f"{name}\n{order}\n".encode()
    filters = {key: (part, part.get()) for key, part in given.items() if key not in PAGING and not part.is_null()}
    without = _digest(fixed + b"{}")
    if not filters:
        return lambda run: without

    def bound(run: Run) -> bytes:
        found = run.memo.get(bound)
        if found is None:
            values = {key: value for key, (_, get) in filters.items() if (value := get(run)) not in ({}, False)}
            try:
                found = _digest(fixed + orjson.dumps(values, default=str, option=orjson.OPT_SORT_KEYS))
            except orjson.JSONEncodeError as error:
                raise next(iter(filters.values()))[0].fail("holds text that no record can hold.") from error
            run.memo[bound] = found
        return found

    return bound


def _digest(bound: bytes) -> bytes:
    return blake2b(bound, digest_size=_BINDING).digest()
