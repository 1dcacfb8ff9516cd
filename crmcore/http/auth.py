"""Who calls: the bearer token in a request's header becomes a policy, before anything else is looked at."""

from __future__ import annotations

import asyncio
import logging

from starlette.requests import Request

from crmcore.errors import Unauthenticated
from crmcore.http.answers import Rejected
from crmcore.platform.access import Policy
from crmcore.platform.database import Database, StatementTimeout, Unavailable
from crmcore.platform.identity import authenticate
from crmcore.schema.errors import UNAVAILABLE

log = logging.getLogger("crmcore.http")


async def caller(db: Database, request: Request, *, seconds: float) -> Policy:
    """The caller's policy, by one statement. Rejected: 401 without a valid token, 503 when the database cannot say."""
    try:
        return await policy_of(db, request.headers.get("authorization"), seconds=seconds)
    except Unauthenticated as refused:
        headers = {"WWW-Authenticate": 'Bearer realm="crmcore"'}
        raise Rejected(401, Unauthenticated.code, refused.message, headers) from None
    except (StatementTimeout, Unavailable) as trouble:
        log.warning("the database does not answer", exc_info=True)
        raise Rejected(503, UNAVAILABLE, "The database does not answer. Try again soon.") from trouble


async def policy_of(db: Database, authorization: str | None, *, seconds: float) -> Policy:
    """The policy of whom this value of the header names, by one statement. Unauthenticated without a valid token;
    StatementTimeout or Unavailable when the database cannot say."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Send an API token: Authorization: Bearer crm_live_...")
    try:
        async with asyncio.timeout(seconds):
            return await authenticate(db, token.strip())
    except TimeoutError as trouble:
        raise StatementTimeout(f"no answer within {seconds:g} s") from trouble
