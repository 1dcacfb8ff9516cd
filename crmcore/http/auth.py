"""Who calls: the bearer token in a request's header becomes a policy, before anything else is looked at."""

from __future__ import annotations

from starlette.requests import Request

from crmcore.errors import Unauthenticated
from crmcore.http.answers import Rejected
from crmcore.platform.access import Policy
from crmcore.platform.database import Database
from crmcore.platform.identity import authenticate


async def caller(db: Database, request: Request) -> Policy:
    """The caller's policy, by one statement. Rejected (401) without a valid token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _unauthenticated("Send an API token: Authorization: Bearer crm_live_...")
    try:
        return await authenticate(db, token.strip())
    except Unauthenticated as refused:
        raise _unauthenticated(refused.message) from None


def _unauthenticated(message: str) -> Rejected:
    return Rejected(401, Unauthenticated.code, message, {"WWW-Authenticate": 'Bearer realm="crmcore"'})
