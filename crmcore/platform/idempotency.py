"""Idempotency keys: a client that does not know whether its mutation arrived sends it again, and it is done once.

The key and the answer are a row written in the mutation's own transaction, so either both the effect and the answer
are there or neither is. The meanings are those of draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final
from uuid import UUID

import orjson
from tortoise.models import Model

from crmcore.errors import KeyInUse, KeyReused
from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql, value
from crmcore.platform.access import Policy
from crmcore.platform.database import Transaction
from crmcore.platform.fields import Json, Text, UtcDatetime, Uuid
from crmcore.platform.jobs import JobKind, JobRun, delete_before
from crmcore.platform.tables import UniqueIndex

KEPT: Final = timedelta(hours=24)
"""How long an answer is replayed."""

LONGEST: Final = 255

_uuid, _instant = Uuid(), UtcDatetime()


class IdempotencyKey(Model):
    """A mutation that was done: `holder` is the actor, `fingerprint` tells what was asked, `answer` what was said."""

    id = Uuid(primary_key=True)
    tenant_id = Uuid()
    holder = Text(60)
    key = Text(LONGEST)
    field = Text(255)
    fingerprint = Text(64)
    answer = Json()
    created_at = UtcDatetime()

    class Meta(Model.Meta):
        table = "idempotency_key"
        indexes: ClassVar[Any] = (
            UniqueIndex(fields=("tenant_id", "holder", "key", "field"), name="uq_idempotency_key"),
            ("tenant_id", "created_at", "id"),
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """One mutation under a key. `field` tells the further mutations of one request apart that share its key."""

    tenant_id: UUID
    holder: str
    key: str
    field: str
    fingerprint: str


def claim(policy: Policy, key: str, field: str, asked: bytes) -> Claim:
    """What the caller asks under this key; `asked` is the whole of it."""
    holder = f"{policy.actor.kind}:{policy.actor.id or ''}"
    return Claim(policy.tenant_id, holder, key, field, hashlib.sha256(asked).hexdigest())


class Keys:
    """The keys of one app. `running` are those that this process is at work on."""

    def __init__(self) -> None:
        self.running: set[tuple[UUID, str, str, str]] = set()

    @contextmanager
    def held(self, claimed: Claim) -> Iterator[None]:
        """While the mutation runs here. KeyInUse if it already does."""
        name = (claimed.tenant_id, claimed.holder, claimed.key, claimed.field)
        if name in self.running:
            raise KeyInUse
        self.running.add(name)
        try:
            yield
        finally:
            self.running.discard(name)


async def answered(tx: Transaction, claimed: Claim, at: datetime) -> Mapping[str, Any] | None:
    """The answer that was given under this key, or None: then the mutation is the caller's to do, and no one else's
    until the transaction ends. KeyReused if something else was asked, KeyInUse if another process is at work on it."""
    if tx.dialect == "postgres":
        named = "\0".join((str(claimed.tenant_id), claimed.holder, claimed.key, claimed.field))
        number = int.from_bytes(hashlib.sha256(named.encode()).digest()[:8], signed=True)
        [row] = await tx.fetch(Sql("SELECT pg_try_advisory_xact_lock(", value(number, "bigint"), ") AS free"))
        if not row["free"]:
            raise KeyInUse
    rows = await tx.fetch(
        Sql("SELECT fingerprint, answer FROM idempotency_key WHERE created_at > ",
            value(_instant.to_driver(at - KEPT, tx.dialect)), " AND ", _named(tx, claimed))
    )  # fmt: skip
    if not rows:
        return None
    if rows[0]["fingerprint"] != claimed.fingerprint:
        raise KeyReused
    found: Mapping[str, Any] = orjson.loads(rows[0]["answer"])
    return found


async def keep(tx: Transaction, claimed: Claim, answer: Mapping[str, Any], at: datetime) -> None:
    """Keep the answer; one that is too old to be replayed makes room."""
    values = (
        value(_uuid.to_driver(new_id(), tx.dialect)), value(_uuid.to_driver(claimed.tenant_id, tx.dialect)),
        value(claimed.holder), value(claimed.key), value(claimed.field), value(claimed.fingerprint),
        value(orjson.dumps(answer).decode(), "jsonb"),
        value(_instant.to_driver(at, tx.dialect)),
    )  # fmt: skip
    listed = [part for one in values for part in (", ", one)][1:]
    await tx.execute(
        Sql("INSERT INTO idempotency_key (id, tenant_id, holder, key, field, fingerprint, answer, created_at) VALUES (",
            *listed, ") ON CONFLICT (tenant_id, holder, key, field) DO UPDATE SET fingerprint = excluded.fingerprint, "
            "answer = excluded.answer, created_at = excluded.created_at")
    )  # fmt: skip


async def _prune(run: JobRun) -> int:
    """Delete the answers that are too old to be replayed."""
    return await delete_before(run, IdempotencyKey, "created_at", run.ctx.clock() - KEPT)


PRUNE_KEYS: Final = JobKind("idempotency.prune", _prune, timeout=600, cron="17 * * * *")


def _named(tx: Transaction, claimed: Claim) -> Sql:
    return Sql(
        "tenant_id = ", value(_uuid.to_driver(claimed.tenant_id, tx.dialect)), " AND holder = ", value(claimed.holder),
        " AND key = ", value(claimed.key), " AND field = ", value(claimed.field),
    )  # fmt: skip
