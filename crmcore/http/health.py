"""`/livez` says that the process runs, `/readyz` that it can serve."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final

from starlette.responses import Response

from crmcore.http.answers import json_response
from crmcore.platform.database import Database
from crmcore.platform.metadata import App
from crmcore.platform.migrate import pending

log = logging.getLogger("crmcore.http")
_PATIENCE: Final = 2.0


def alive() -> Response:
    """The process answers."""
    return json_response({"status": "alive"})


async def ready(db: Database, apps: Sequence[App], unwell: Mapping[str, str]) -> Response:
    """200 when the database answers and has the newest schema, else 503 with the reason. Plugins that are not well are
    named with their state; nobody is turned away for them."""
    try:
        async with asyncio.timeout(_PATIENCE):
            waiting = await pending(db, apps)
    except Exception:  # whatever the reason, the server cannot serve now; the log has it
        log.warning("not ready: the database does not answer", exc_info=True)
        return json_response({"status": "unavailable", "reason": "The database does not answer."}, 503)
    if waiting:
        names = ", ".join(map(str, waiting))
        reason = f"Migrations wait: {names}. Run crmcore migrate."
        return json_response({"status": "unavailable", "reason": reason}, 503)
    return json_response({"status": "ready", **({"plugins": unwell} if unwell else {})})
