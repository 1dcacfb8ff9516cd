"""Cursors: opaque, signed positions in an order.

The statement writes a marker where a cursor belongs: a random word of this process, the number of the order, and the
sort values as hexadecimal JSON. When the answer is there, one pass over its bytes puts signed cursors in the markers'
place. A cursor is valid for one tenant, one record type and one order; under another filter it still says where to
go on.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import blake2b
from secrets import token_hex
from typing import Any, Final
from uuid import UUID

import orjson

_MAC: Final = 12


class Cursors:
    """Signs cursors and checks them, with a key made from `secret`."""

    def __init__(self, secret: bytes) -> None:
        self._key = blake2b(secret, digest_size=32, person=b"crmcore-cursor").digest()
        self.word = token_hex(12)
        self._marker = re.compile(self.word.encode() + rb"(\d+)\.([0-9A-Fa-f]+)")

    def _mac(self, payload: bytes, tenant: UUID, signature: bytes) -> bytes:
        return blake2b(
            b"".join((tenant.bytes, len(signature).to_bytes(4, "big"), signature, payload)),
            key=self._key,
            digest_size=_MAC,
        ).digest()

    def sign(self, payload: bytes, tenant: UUID, signature: bytes) -> bytes:
        return urlsafe_b64encode(self._mac(payload, tenant, signature) + payload).rstrip(b"=")

    def open(self, text: str, tenant: UUID, signature: bytes) -> list[Any]:
        """The sort values of a cursor. ValueError if it was not made here for this tenant and order."""
        try:
            raw = text.encode("ascii")
            token = urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))
        except ValueError as error:
            raise ValueError(_WRONG) from error
        mac, payload = token[:_MAC], token[_MAC:]
        if self.sign(payload, tenant, signature) != raw:
            raise ValueError(_WRONG)
        assert mac
        values: list[Any] = orjson.loads(payload)
        return values

    def finish(self, answer: bytes, tenant: UUID, signatures: Sequence[bytes]) -> bytes:
        """The answer with signed cursors in the place of the markers."""

        def signed(match: re.Match[bytes]) -> bytes:
            payload = orjson.dumps(orjson.loads(bytes.fromhex(match[2].decode())))  # one text on every database
            return self.sign(payload, tenant, signatures[int(match[1])])

        return self._marker.sub(signed, answer)


_WRONG: Final = "this is no cursor of this list. Take endCursor or startCursor of a page with the same orderBy."
