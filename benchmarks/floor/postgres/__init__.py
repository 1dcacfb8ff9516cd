"""The floor on PostgreSQL: asyncpg, a pool of its own, one connection for a request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import asyncpg
import uuid_utils

from benchmarks.floor.application import checked, key_of
from benchmarks.floor.statements import REACHES, written

Caller = Any
Answer = Callable[[Any, Caller, dict[str, Any]], Awaitable[str | None]]

TOKEN: Final = """
SELECT t.id, t.hash, t.tenant_id, t.actor_kind, t.reach, u.id AS user_id, u.team_id FROM api_token t
JOIN tenant n ON n.id = t.tenant_id AND n.state = 'ACTIVE'
LEFT JOIN "user" u ON u.id = t.user_id AND u.tenant_id = t.tenant_id AND u.deleted_at IS NULL AND u.is_active
WHERE t.key = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2)
AND (t.user_id IS NULL OR u.id IS NOT NULL)
"""


class Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """The pool's clean-up between uses is a round trip for nothing: no session state is set here."""

    __slots__ = ()

    def get_reset_query(self) -> str:
        return ""


class PostgresFloor:
    """The statements of this folder."""

    def __init__(self, database_url: str, connections: int) -> None:
        self._url = database_url
        self._connections = connections
        self.operations = tuple(ANSWERS)

    async def open(self) -> None:
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=1,
            max_size=self._connections,
            max_queries=2**31,
            max_inactive_connection_lifetime=0,
            connection_class=Connection,
            max_cacheable_statement_size=0,
            server_settings={"timezone": "UTC", "jit": "off"},
        )

    async def close(self) -> None:
        await self._pool.close()

    async def answer(self, operation: str, token: str, variables: dict[str, Any]) -> str | None:
        async with self._pool.acquire() as connection:
            caller = checked(token, await connection.fetchrow(TOKEN, key_of(token), datetime.now(UTC)))
            return await ANSWERS[operation](connection, caller, variables)


def _caller(caller: Caller) -> dict[str, Any]:
    return {"tenant": caller["tenant_id"], "user": caller["user_id"], "team": caller["team_id"]}


def read(operation: str, bind: Callable[[dict[str, Any]], dict[str, Any]]) -> Answer:
    """A route that runs one statement."""
    statements = {reach: written("postgres", operation, reach) for reach in REACHES}

    async def answer(connection: Any, caller: Caller, variables: dict[str, Any]) -> str | None:
        statement = statements[caller["reach"]]
        found: str | None = await connection.fetchval(
            statement.text, *statement.values(_caller(caller) | bind(variables))
        )
        return found

    return answer


NAMED = {reach: written("postgres", "M1_named", reach) for reach in REACHES}
CREATE = written("postgres", "M1", "TENANT")


async def create_deal(connection: Any, caller: Caller, variables: dict[str, Any]) -> str | None:
    """Look up what the deal names, insert deal, transition and events: one transaction of two statements."""
    given = variables["input"]
    values = _caller(caller) | {"stage_id": _key(given["stageId"]), "customer_id": _key(given["customerId"])}
    named = NAMED[caller["reach"]]
    async with connection.transaction():
        found = await connection.fetchrow(named.text, *named.values(values))
        if found is None:
            return '{"deal":null,"errors":[{"code":"NOT_FOUND","message":"No such stage or customer."}]}'
        values |= dict(found) | {
            "id": _new(), "transition_id": _new(), "event_id": _new(), "other_event_id": _new(), "cause": _new(),
            "name": given["name"], "folded": given["name"].casefold(),
            "amount": int(Decimal(given["amount"]["amount"]) * 10_000), "currency": given["amount"]["currencyCode"],
            "expected": _day(given["expectedCloseOn"]), "now": datetime.now(UTC), "actor_kind": caller["actor_kind"],
            "actor_id": caller["user_id"] if caller["actor_kind"] == "USER" else caller["id"],
        }  # fmt: skip
        made: str | None = await connection.fetchval(CREATE.text, *CREATE.values(values))
        return made


def _new() -> UUID:
    return UUID(int=uuid_utils.uuid7().int)


def _key(global_id: str) -> UUID:
    return UUID(global_id.rpartition("_")[2])


def _day(text: str) -> date:
    return date.fromisoformat(text)


ANSWERS: Final[dict[str, Answer]] = {
    "Q1": read("Q1", lambda v: v),
    "Q2": read("Q2", lambda v: v),
    "Q3": read("Q3", lambda v: {"id": _key(v["id"]), "today": _day(v["today"])}),
    "Q4": read("Q4", lambda v: {"from": _day(v["from"])}),
    "M1": create_deal,
}
