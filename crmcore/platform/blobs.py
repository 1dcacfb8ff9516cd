"""Bytes of files: in the database, in pieces, so that every process sees them and none holds a whole file in memory."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from tortoise.models import Model

from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql, value
from crmcore.platform.context import Context
from crmcore.platform.database import Database, retrying
from crmcore.platform.fields import Bytes, Int, UtcDatetime, Uuid
from crmcore.platform.tables import UniqueIndex

PIECE: Final = 512 * 1024
"""Bytes of a piece: one row, written in a transaction of its own."""

_uuid, _instant = Uuid(), UtcDatetime()


class FilePiece(Model):
    """A part of a file's bytes. What no file names is the rest of an upload that was broken off."""

    id = Uuid(primary_key=True)
    tenant_id = Uuid()
    file_id = Uuid()
    number = Int()
    data = Bytes()
    created_at = UtcDatetime()

    class Meta(Model.Meta):
        table = "file_piece"
        indexes: ClassVar[Any] = (
            UniqueIndex(fields=("tenant_id", "file_id", "number"), name="uq_file_piece_number"),
            ("tenant_id", "created_at", "id"),
        )


class TooLarge(Exception):
    """A file has more bytes than it may."""


class BlobWriter:
    """Writes the bytes of a new file as they come. `size` and `sha256` are known when `close` has been called."""

    def __init__(self, ctx: Context, most: int) -> None:
        self.id = new_id()
        self.size = 0
        self._ctx, self._most = ctx, most
        self._hash = hashlib.sha256()
        self._held = bytearray()
        self._number = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    async def write(self, data: bytes) -> None:
        """TooLarge as soon as there is more than there may be."""
        self.size += len(data)
        if self.size > self._most:
            raise TooLarge
        self._hash.update(data)
        self._held += data
        while len(self._held) >= PIECE:
            piece, self._held = bytes(self._held[:PIECE]), self._held[PIECE:]
            await self._write(piece)

    async def close(self) -> None:
        """Write what is left."""
        if self._held:
            await self._write(bytes(self._held))
            self._held.clear()

    async def _write(self, piece: bytes) -> None:
        await retrying(lambda: self._write_once(piece))
        self._number += 1

    async def _write_once(self, piece: bytes) -> None:
        dialect = self._ctx.db.dialect
        row = (
            value(_uuid.to_driver(new_id(), dialect), "uuid"),
            value(_uuid.to_driver(self._ctx.tenant_id, dialect), "uuid"),
            value(_uuid.to_driver(self.id, dialect), "uuid"), value(self._number, "int"), value(piece, "bytea"),
            value(_instant.to_driver(self._ctx.clock(), dialect), "timestamptz"),
        )  # fmt: skip
        listed = [part for one in row for part in (", ", one)][1:]
        async with self._ctx.db.transaction() as tx:
            await tx.execute(
                Sql("INSERT INTO file_piece (id, tenant_id, file_id, number, data, created_at) VALUES (", *listed, ")")
            )


async def read_pieces(db: Database, tenant_id: UUID, file_id: UUID) -> AsyncIterator[bytes]:
    """The bytes of a file, piece by piece."""
    number = 0
    while True:
        rows = await db.fetch(
            Sql(
                "SELECT data FROM file_piece WHERE tenant_id = ", value(_uuid.to_driver(tenant_id, db.dialect), "uuid"),
                " AND file_id = ", value(_uuid.to_driver(file_id, db.dialect), "uuid"),
                " AND number = ", value(number, "int"),
            )
        )  # fmt: skip
        if not rows:
            return
        yield bytes(rows[0]["data"])
        number += 1


async def drop_pieces(ctx: Context, before: datetime) -> int:
    """Drop the tenant's pieces that were written before this time and belong to no living file; how many."""
    dialect = ctx.db.dialect
    async with ctx.db.transaction() as tx:
        return await tx.execute(
            Sql(
                "DELETE FROM file_piece WHERE tenant_id = ", value(_uuid.to_driver(ctx.tenant_id, dialect), "uuid"),
                " AND created_at < ", value(_instant.to_driver(before, dialect), "timestamptz"),
                " AND NOT EXISTS (SELECT 1 FROM file WHERE file.id = file_piece.file_id AND file.deleted_at IS NULL)",
            )
        )  # fmt: skip
