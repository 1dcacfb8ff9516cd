"""Tenants and API tokens: who calls, and for which tenant.

A token is `crm_live_<id>_<secret>_<check>`: the id finds its row, of the secret only the SHA-256 is kept (it is random,
so no slow hash is needed), and the check tells a mistyped token without asking the database.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final
from uuid import UUID

from tortoise.models import Model

from crmcore.errors import Unauthenticated
from crmcore.kit import times
from crmcore.kit.ids import new_id
from crmcore.kit.sql import Bind, Dialect, Sql, Statement, join, render, value
from crmcore.kit.text import fold
from crmcore.platform.access import TENANT_REACH, Access, Actor, ActorKind, Policy, Reach
from crmcore.platform.database import Database, Row, Transaction
from crmcore.platform.fields import Choice, Flag, Int, Json, Text, UtcDatetime, Uuid
from crmcore.platform.tables import UniqueIndex

DEFAULT_TENANT: Final = "default"
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SHAPE: Final = re.compile(r"(crm_live_([0-9A-Za-z]{12})_[0-9A-Za-z]{43})_([0-9A-Za-z]{6})", re.ASCII)
_REFUSED: Final = "The API token is unknown, revoked or expired."


class TenantState(StrEnum):
    """Whether a tenant may use the API."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"


class Tenant(Model):
    """`fields_version` steps with every change of the tenant's custom fields; it is null where there never were any.
    `unique_emails` and `unique_phones` say what it wants unique (domain/customers/commands/uniqueness.py)."""

    id = Uuid(primary_key=True)
    slug = Text(63)
    name = Text(200)
    state = Choice(TenantState, default=TenantState.ACTIVE)
    created_at = UtcDatetime()
    fields_version = Int(null=True)
    unique_emails = Flag(null=True)
    unique_phones = Flag(null=True)

    class Meta(Model.Meta):
        table = "tenant"
        indexes: ClassVar[Any] = (UniqueIndex(fields=("slug",), name="uq_tenant_slug"),)


class ApiToken(Model):
    """`key` is the public part that the token carries; `user_id` makes it act as that user; `scopes` narrow what it may
    do (`Policy.scopes`), null is everything."""

    id = Uuid(primary_key=True)
    tenant_id = Uuid()
    key = Text(12)
    hash = Text(64)
    name = Text(200)
    actor_kind = Choice(ActorKind)
    reach = Choice(Reach)
    user_id = Uuid(null=True)
    scopes = Json(null=True)
    created_at = UtcDatetime()
    expires_at = UtcDatetime(null=True)
    revoked_at = UtcDatetime(null=True)

    access: ClassVar[Access] = TENANT_REACH

    class Meta(Model.Meta):
        table = "api_token"
        indexes: ClassVar[Any] = (
            UniqueIndex(fields=("key",), name="uq_api_token_key"),
            ("tenant_id", "created_at", "id"),
        )


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made: `text` is shown once and kept nowhere."""

    id: UUID
    text: str


async def find_tenant(db: Database, slug: str = DEFAULT_TENANT) -> UUID | None:
    """The id of the tenant with this slug."""
    rows = await db.fetch(Sql("SELECT id FROM tenant WHERE slug = ", value(slug)))
    return UUID(str(rows[0]["id"])) if rows else None


async def find_user(tx: Transaction, tenant_id: UUID, email: str) -> UUID | None:
    """The id of the tenant's active user with this email address, however it is capitalised."""
    tree = Sql(
        'SELECT id FROM "user" WHERE is_active AND deleted_at IS NULL AND email_folded = ', value(fold(email)),
        " AND tenant_id = ", _bound(ApiToken, "tenant_id", tenant_id, tx.dialect),
    )  # fmt: skip
    rows = await tx.fetch(tree)
    return UUID(str(rows[0]["id"])) if rows else None


async def create_tenant(tx: Transaction, slug: str, name: str, *, at: datetime | None = None) -> UUID:
    """Make a tenant, or find the one that has this slug."""
    known = await tx.fetch(Sql("SELECT id FROM tenant WHERE slug = ", value(slug)))
    if known:
        return UUID(str(known[0]["id"]))
    tenant = new_id()
    made = {"id": tenant, "slug": slug, "name": name, "state": TenantState.ACTIVE, "created_at": at or times.now()}
    await _insert(tx, Tenant, made)
    return tenant


async def create_token(
    tx: Transaction,
    tenant_id: UUID,
    name: str,
    *,
    user_id: UUID | None = None,
    kind: ActorKind | None = None,
    reach: Reach = Reach.TENANT,
    scopes: Iterable[str] | None = None,
    expires_at: datetime | None = None,
    at: datetime | None = None,
) -> NewToken:
    """Make an API token. With `user_id` it acts as that user, else as itself (`kind`, by default API_KEY). With
    `scopes` it may do only what they say (`Policy.scopes`)."""
    key = _random(12)
    body = f"crm_live_{key}_{_random(43)}"
    token = NewToken(new_id(), f"{body}_{_check(body)}")
    made = {
        "id": token.id,
        "tenant_id": tenant_id,
        "key": key,
        "hash": _hash(token.text),
        "name": name,
        "actor_kind": kind or (ActorKind.USER if user_id else ActorKind.API_KEY),
        "reach": reach,
        "user_id": user_id,
        "scopes": None if scopes is None else sorted(set(scopes)),
        "created_at": at or times.now(),
        "expires_at": expires_at,
    }
    await _insert(tx, ApiToken, made)
    return token


async def revoke_token(tx: Transaction, tenant_id: UUID, token_id: UUID, *, at: datetime | None = None) -> bool:
    """End a token's life at once; False if the tenant has no such living token."""
    bound = [_bound(ApiToken, c, v, tx.dialect) for c, v in _revoked(tenant_id, token_id, at)]
    tree = Sql(
        "UPDATE api_token SET revoked_at = ", bound[0], " WHERE tenant_id = ", bound[1], " AND id = ", bound[2],
        " AND revoked_at IS NULL",
    )  # fmt: skip
    return await tx.execute(tree) > 0


async def set_scopes(tx: Transaction, tenant_id: UUID, token_id: UUID, scopes: Iterable[str]) -> None:
    """Let a token do what these scopes say, from its next request on."""
    columns = (("scopes", sorted(set(scopes))), ("tenant_id", tenant_id), ("id", token_id))
    held, tenant, token = [_bound(ApiToken, column, given, tx.dialect) for column, given in columns]
    await tx.execute(Sql("UPDATE api_token SET scopes = ", held, " WHERE tenant_id = ", tenant, " AND id = ", token))


async def replace_token(tx: Transaction, tenant_id: UUID, token_id: UUID, *, at: datetime) -> NewToken:
    """A new token with the name, the reach and the scopes of another, which ends at once."""
    tenant, token = (_bound(ApiToken, c, v, tx.dialect) for c, v in (("tenant_id", tenant_id), ("id", token_id)))
    [row] = await tx.fetch(Sql(
        "SELECT name, actor_kind, reach, user_id, scopes FROM api_token WHERE tenant_id = ", tenant,
        " AND id = ", token,
    ))  # fmt: skip
    made = await create_token(
        tx,
        tenant_id,
        row["name"],
        user_id=_ID.from_driver(row["user_id"]),
        kind=ActorKind(row["actor_kind"]),
        reach=Reach(row["reach"]),
        scopes=scopes_of(row["scopes"]),
        at=at,
    )
    await revoke_token(tx, tenant_id, token_id, at=at)
    return made


async def authenticate(db: Database, token: str, *, at: datetime | None = None) -> Policy:
    """The policy of the token's holder, by one statement. Raises Unauthenticated, always with the same text."""
    shape = _SHAPE.fullmatch(token)
    if shape is None or not hmac.compare_digest(_check(shape[1]), shape[3]):
        raise Unauthenticated(_REFUSED)
    rows = await db.fetch(_LOOKUP[db.dialect], (shape[2], at or times.now()))
    held = str(rows[0]["hash"]) if rows else ""
    if not hmac.compare_digest(held, _hash(token)):
        raise Unauthenticated(_REFUSED)
    return _policy(rows[0])


def _lookup(dialect: Dialect) -> Statement:
    """A living token of an active tenant; one that acts as a user only while that user is active.

    Run with the token's key and the moment.
    """
    key, moment = Bind(lambda run: run[0]), Bind(lambda run: _EXPIRES.to_driver(run[1], dialect))
    return render(Sql(
        "SELECT t.id, t.hash, t.name, t.tenant_id, t.actor_kind, t.reach, t.scopes, u.id AS user_id, u.team_id, "
        "coalesce(n.fields_version, 0) AS fields_version FROM api_token t "
        "JOIN tenant n ON n.id = t.tenant_id AND n.state = 'ACTIVE' "
        'LEFT JOIN "user" u ON u.id = t.user_id AND u.tenant_id = t.tenant_id AND u.deleted_at IS NULL AND u.is_active '
        "WHERE t.key = ", key, " AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > ", moment,
        ") AND (t.user_id IS NULL OR u.id IS NOT NULL)",
    ), dialect)  # fmt: skip


_EXPIRES: Final = UtcDatetime()
_ID: Final = Uuid()
_SCOPES: Final = Json(null=True)
_LOOKUP: Final[Mapping[Dialect, Statement]] = {"sqlite": _lookup("sqlite"), "postgres": _lookup("postgres")}


def _policy(row: Row) -> Policy:
    kind = ActorKind(row["actor_kind"])
    token, tenant, user, team = (_ID.from_driver(row[c]) for c in ("id", "tenant_id", "user_id", "team_id"))
    actor = Actor(kind, user if kind is ActorKind.USER else token, user, team, row["name"], token)
    return Policy(tenant, actor, Reach(row["reach"]), int(row["fields_version"]), scopes_of(row["scopes"]))


def scopes_of(held: Any) -> frozenset[str] | None:
    """The scopes of a token as its row holds them."""
    found = _SCOPES.from_driver(held)
    return None if found is None else frozenset(found)


def _revoked(tenant_id: UUID, token_id: UUID, at: datetime | None) -> tuple[tuple[str, Any], ...]:
    return ("revoked_at", at or times.now()), ("tenant_id", tenant_id), ("id", token_id)


def _bound(model: type[Model], column: str, given: Any, dialect: Dialect) -> Any:
    field: Any = model._meta.fields_map[column]
    return value(field.to_driver(given, dialect))


async def _insert(tx: Transaction, model: type[Model], row: dict[str, Any]) -> None:
    values = join(", ", [_bound(model, column, given, tx.dialect) for column, given in row.items()])
    await tx.execute(Sql(f"INSERT INTO {model._meta.db_table} ({', '.join(row)}) VALUES (", values, ")"))


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _check(body: str) -> str:
    """Six characters of base 62 that hold the CRC-32 of what stands before them."""
    number, out = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        out = _ALPHABET[digit] + out
    return out


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
