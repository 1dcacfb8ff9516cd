"""`/plugins/<id>/...`: what plugins answer themselves, and what is said for those that cannot."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from crmcore.errors import BadInput, CrmError, Forbidden, NotFound, PluginFailed, Unauthenticated
from crmcore.http.answers import BAD_REQUEST, NOT_FOUND, Rejected, json_response
from crmcore.http.reading import read_body
from crmcore.http.served import Served
from crmcore.platform.database import DatabaseError
from crmcore.platform.hooks import HookFault
from crmcore.plugins import Headers, NeedsSettings, Pairs, Route, WebRequest, WebResponse
from crmcore.schema.errors import UNAVAILABLE

log = logging.getLogger("crmcore.http")

PLUGIN_UNAVAILABLE: Final = "PLUGIN_UNAVAILABLE"

_GUARDED: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the address may hold a token
    "Content-Security-Policy": (
        "default-src 'none'; img-src * data:; style-src 'self' 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
    ),
}
"""What every answer has unless the plugin says otherwise: its pages stand on the host of the API."""


async def answer(served: Served, request: Request) -> Response:
    """The answer of a plugin's route: 404 where there is none, 405 with the methods that it knows, 502 for a fault."""
    plugin, path = request.path_params["plugin"], request.path_params.get("path", "")
    found = served.pages.find(plugin, request.method, path)
    if isinstance(found, set):
        if found:
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(found))})
        raise HTTPException(404)
    route, names = found
    try:
        return await _answered(served, request, plugin, route, names)
    except Rejected as rejected:
        extensions = {"code": rejected.code, "plugin": plugin, "requestId": str(request.state.id)}
        body = {"errors": [{"message": rejected.message, "extensions": extensions}]}
        return json_response(body, rejected.status, headers=rejected.headers)


async def _answered(served: Served, request: Request, plugin: str, route: Route, names: Mapping[str, str]) -> Response:
    settings = served.settings
    body = await read_body(request, settings.max_body_bytes, settings.read_seconds)
    asked = WebRequest(
        method=request.method,
        path=request.path_params.get("path", ""),
        path_params=dict(names),
        query=Pairs(request.query_params.multi_items()),
        headers=Headers(request.headers.items()),
        body=body,
        client=request.client.host if request.client else "",
    )
    try:
        return _sent(await served.pages.answer(plugin, route, asked), bodiless=request.method == "HEAD")
    except HookFault as fault:
        raise _failed(plugin, resting=fault.resting) from fault
    except NeedsSettings as missing:
        log.warning("a request to plugin %s: %s", plugin, missing)
        raise _failed(plugin, resting=True) from missing
    except DatabaseError as trouble:
        raise Rejected(503, UNAVAILABLE, "The database does not answer. Try again soon.") from trouble
    except CrmError as refused:
        raise _refused(plugin, refused) from refused


def _sent(found: WebResponse, *, bodiless: bool) -> Response:
    body = found.body.encode() if isinstance(found.body, str) else found.body
    headers = {**{k: v for k, v in _GUARDED.items() if k.lower() not in _lower(found.headers)}, **found.headers}
    if bodiless:
        headers["Content-Length"] = str(len(body))
        body = b""
    kind = found.media_type
    if isinstance(found.body, str) and "charset" not in kind:
        kind = f"{kind}; charset=utf-8"
    return Response(body, found.status, headers, kind)


def _lower(headers: Mapping[str, str]) -> set[str]:
    return {name.lower() for name in headers}


def _failed(plugin: str, *, resting: bool) -> Rejected:
    """Nothing but whose fault it is: everybody may ask here."""
    if resting:
        said = f"The plugin {plugin} does not answer now."
        return Rejected(503, PLUGIN_UNAVAILABLE, said, {"Retry-After": "30"})
    return Rejected(502, PluginFailed.code, f"The plugin {plugin} failed.")


def _refused(plugin: str, refused: CrmError) -> Rejected:
    """What a route refuses on purpose. Refusals of writes that it did not look at are its fault."""
    if isinstance(refused, BadInput):
        return Rejected(400, BAD_REQUEST, refused.message)
    if isinstance(refused, Unauthenticated):
        return Rejected(401, Unauthenticated.code, refused.message)
    if isinstance(refused, Forbidden):
        return Rejected(403, Forbidden.code, refused.message)
    if isinstance(refused, NotFound):
        return Rejected(404, NOT_FOUND, refused.message)
    log.warning("a request to plugin %s was refused: %s", plugin, refused)
    return _failed(plugin, resting=False)
