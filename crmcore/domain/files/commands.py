"""Keeping files."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from crmcore.domain.files.models import File
from crmcore.platform.blobs import BlobWriter
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.records import Create, write


async def keep_file(
    ctx: Context, blob: BlobWriter, name: str, media_type: str, days: int, *, tx: Transaction | None = None
) -> UUID:
    """Make a file of bytes that have been written and closed; its id."""
    values = {
        "name": name, "media_type": media_type, "size": blob.size, "sha256": blob.sha256,
        "expires_at": ctx.clock() + timedelta(days=days),
    }  # fmt: skip
    await write(ctx, [Create(File, values, id=blob.id)], tx=tx)
    return blob.id
