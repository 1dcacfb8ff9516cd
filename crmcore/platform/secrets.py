"""The key that signs cursors and links: the operator's, or one made once and kept in the database."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from tortoise.models import Model

from crmcore.kit.sql import Sql, value
from crmcore.platform.database import Database
from crmcore.platform.fields import Text

_NAME: Final = "signing_key"


class Setting(Model):
    """What an installation must remember about itself. Not per tenant."""

    name = Text(100, primary_key=True)
    value = Text(2000)

    class Meta(Model.Meta):
        table = "setting"


async def signing_key(db: Database, secret: str = "") -> bytes:
    """32 bytes: from `secret` if the operator gives one, so that several servers share it, else from the database."""
    if not secret:
        secret = await _kept(db) or await _make(db)
    return hashlib.sha256(f"crmcore {_NAME} {secret}".encode()).digest()


async def _kept(db: Database) -> str:
    rows = await db.fetch(Sql("SELECT value FROM setting WHERE name = ", value(_NAME)))
    return str(rows[0]["value"]) if rows else ""


async def _make(db: Database) -> str:
    """Of several servers that start at once, the first one's key is everybody's."""
    async with db.transaction() as tx:
        await tx.execute(
            Sql(
                "INSERT INTO setting (name, value) VALUES (", value(_NAME), ", ", value(secrets.token_urlsafe(48)),
                ") ON CONFLICT (name) DO NOTHING",
            )
        )  # fmt: skip
    return await _kept(db)
