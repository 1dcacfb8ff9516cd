"""From an HTTP request to a GraphQL request: media types, limits, and every way in which a body can be wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import orjson
from starlette.requests import Request as HttpRequest

from crmcore.errors import BadInput
from crmcore.http.answers import (
    BAD_REQUEST,
    EVENTS,
    GRAPHQL,
    JSON,
    METHOD_NOT_ALLOWED,
    NOT_ACCEPTABLE,
    PAYLOAD_TOO_LARGE,
    TIMED_OUT,
    UNSUPPORTED_MEDIA_TYPE,
    Rejected,
)
from crmcore.schema.enclosing import check_key
from crmcore.schema.running import Request

_WILD: Final = {"*/*": JSON, "application/*": JSON, JSON: JSON, GRAPHQL: GRAPHQL, EVENTS: EVENTS}
_LESS: Final = 0.9999


def media_type(accept: str | None) -> str:
    """The form of the answer: the best of what the client accepts, the first of equals. A stream of events only if
    nothing else is as good: many clients name it with every query. Rejected (406) if it accepts nothing we have."""
    if accept in _WILD:
        return _WILD[accept]
    if not accept or not accept.strip():
        return JSON
    best, found = 0.0, ""
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = _weight(parameters) * (_LESS if name == EVENTS else 1)
        if name in _WILD and weight > best and _charset(parameters) in {"", "utf-8"}:
            best, found = weight, _WILD[name]
    if not found:
        raise Rejected(406, NOT_ACCEPTABLE, f"Answers are {GRAPHQL}, {JSON} or {EVENTS} in UTF-8.")
    return found


def takes_events(accept: str | None) -> bool:
    """Whether the client accepts a stream of events at all."""
    return any(part.partition(";")[0].strip().lower() == EVENTS for part in (accept or "").split(","))


def check_method(http: HttpRequest) -> None:
    """Rejected (405) unless it is one by which GraphQL is sent."""
    if http.method not in {"GET", "POST"}:
        raise Rejected(405, METHOD_NOT_ALLOWED, "Send GraphQL by POST, or queries by GET.", {"Allow": "GET, POST"})


def idempotency_key(http: HttpRequest) -> str:
    """The key of the request's mutations; empty without one. Rejected (400) if it cannot be one."""
    given = http.headers.get("idempotency-key")
    if given is None:
        return ""
    try:
        check_key(given)
    except BadInput as refused:
        raise Rejected(400, BAD_REQUEST, refused.message) from None
    return given


async def read_request(http: HttpRequest, *, max_bytes: int, seconds: float) -> Request:
    """The GraphQL request of a GET or POST."""
    if http.method == "GET":
        return _from_url(http.query_params)
    _check_content(http)
    return request_of(_json(await read_body(http, max_bytes, seconds), "The body"))


def _check_content(http: HttpRequest) -> None:
    if (coding := http.headers.get("content-encoding", "identity").strip().lower()) not in {"", "identity"}:
        headers = {"Accept-Encoding": "identity"}
        raise Rejected(415, UNSUPPORTED_MEDIA_TYPE, f"The body is encoded as {coding[:40]}: send it plain.", headers)
    name, *parameters = (piece.strip().lower() for piece in http.headers.get("content-type", "").split(";"))
    if name != JSON or _charset(parameters) not in {"", "utf-8"}:
        raise Rejected(415, UNSUPPORTED_MEDIA_TYPE, f"The body must be {JSON} in UTF-8.", {"Accept-Post": JSON})


async def read_body(http: HttpRequest, max_bytes: int, seconds: float) -> bytes:
    """The body as it came. Rejected for one that is too large (413), too slow (408), or of no known length (400)."""
    length = http.headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit():
        raise Rejected(400, BAD_REQUEST, "Content-Length is no number.")
    if len(length) > 15 or int(length) > max_bytes:
        raise _too_large(max_bytes)
    found = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in http.stream():
                found += chunk
                if len(found) > max_bytes:
                    raise _too_large(max_bytes)
    except TimeoutError:
        said = f"The body did not arrive within {seconds:g} s."
        raise Rejected(408, TIMED_OUT, said, {"Connection": "close"}) from None
    return bytes(found)


def _too_large(most: int) -> Rejected:
    return Rejected(413, PAYLOAD_TOO_LARGE, f"The body is larger than {most} bytes.", {"Connection": "close"})


def _from_url(parameters: Mapping[str, str]) -> Request:
    names = ("query", "operationName", "documentId")
    given: dict[str, Any] = {key: parameters[key] for key in names if key in parameters}
    for key in ("variables", "extensions"):
        if parameters.get(key):
            given[key] = _json(parameters[key].encode(errors="surrogatepass"), f"The parameter {key}")
    return request_of({**given, "operationName": given.get("operationName") or None})


def _json(text: bytes, what: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Rejected(400, BAD_REQUEST, f"{what} is not JSON: {error.msg}.") from None


def request_of(body: Any) -> Request:
    """The GraphQL request that a JSON value holds. Rejected (400) if it holds none."""
    if isinstance(body, list):
        raise Rejected(400, BAD_REQUEST, "Batches are not served: send one operation per request.")
    if not isinstance(body, dict):
        raise Rejected(400, BAD_REQUEST, 'The body must be a JSON object like {"query": "...", "variables": {}}.')
    query, name = body.get("query"), body.get("operationName")
    variables, extensions = body.get("variables"), body.get("extensions")
    persisted = body.get("documentId")
    if query is None and isinstance(persisted, str) and persisted:
        query = ""  # a persisted document is meant
    elif not isinstance(query, str) or not query.strip():
        raise Rejected(400, BAD_REQUEST, "query is missing: it must be a string that holds a GraphQL document.")
    if name is not None and not isinstance(name, str):
        raise Rejected(400, BAD_REQUEST, "operationName must be a string.")
    for key, value in (("variables", variables), ("extensions", extensions)):
        if value is not None and not isinstance(value, dict):
            raise Rejected(400, BAD_REQUEST, f"{key} must be an object.")
    return Request(query, variables or {}, name, "" if query else str(persisted))


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return max(0.0, min(1.0, float(parameter[2:])))
            except ValueError:
                return 0.0
    return 1.0


def _charset(parameters: list[str]) -> str:
    for parameter in parameters:
        if parameter.startswith("charset="):
            return parameter[8:].strip('"').replace("utf8", "utf-8")
    return ""
