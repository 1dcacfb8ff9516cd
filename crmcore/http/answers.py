"""Answers of the door itself: JSON errors with a code and the request's id, whatever went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from starlette.responses import Response

JSON: Final = "application/json"
GRAPHQL: Final = "application/graphql-response+json"
EVENTS: Final = "text/event-stream"

BAD_REQUEST: Final = "BAD_REQUEST"
TIMED_OUT: Final = "REQUEST_TIMEOUT"
PAYLOAD_TOO_LARGE: Final = "PAYLOAD_TOO_LARGE"
UNSUPPORTED_MEDIA_TYPE: Final = "UNSUPPORTED_MEDIA_TYPE"
NOT_ACCEPTABLE: Final = "NOT_ACCEPTABLE"
METHOD_NOT_ALLOWED: Final = "METHOD_NOT_ALLOWED"
NOT_FOUND: Final = "NOT_FOUND"
HEADERS_TOO_LARGE: Final = "HEADERS_TOO_LARGE"


class Rejected(Exception):
    """A request that never becomes an operation."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def json_response(
    content: Any, status: int = 200, *, media_type: str = JSON, headers: Mapping[str, str] | None = None
) -> Response:
    """JSON in UTF-8. Finished JSON inside (`orjson.Fragment`) goes out as it is."""
    return Response(orjson.dumps(content), status, headers, f"{media_type}; charset=utf-8")


def error_response(rejected: Rejected, request_id: str, *, media_type: str = JSON) -> Response:
    """The answer to a rejected request, in the form of a GraphQL response."""
    extensions = {"code": rejected.code, "requestId": request_id}
    body = {"errors": [{"message": rejected.message, "extensions": extensions}]}
    return json_response(body, rejected.status, media_type=media_type, headers=rejected.headers)
