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
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _unauthenticated("Send an API token: Authorization: Bearer crm_live_...")
    try:
        async with asyncio.timeout(seconds):
            return await authenticate(db, token.strip())
    except Unauthenticated as refused:
        raise _unauthenticated(refused.message) from None
    except (TimeoutError, StatementTimeout, Unavailable) as trouble:
        log.warning("the database does not answer", exc_info=True)
        raise Rejected(503, UNAVAILABLE, "The database does not answer. Try again soon.") from trouble


def _unauthenticated(message: str) -> Rejected:
    return Rejected(401, Unauthenticated.code, message, {"WWW-Authenticate": 'Bearer realm="crmcore"'})
