"""`/graphql`: GraphQL over HTTP, as its specification says and its audit checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from crmcore.http.answers import EVENTS, GRAPHQL, JSON, Rejected, error_response, json_response
from crmcore.http.auth import caller
from crmcore.http.reading import check_method, idempotency_key, media_type, read_request, takes_events
from crmcore.http.served import Served
from crmcore.http.sse import EventStream
from crmcore.http.streams import Session
from crmcore.schema.errors import DEADLINE, STORAGE_FULL, UNAVAILABLE
from crmcore.schema.running import QUERY_ONLY, Answer

PLUGIN_TIMES: Final = "x-plugin-times"
"""Who sends this header is told what time the plugins took: `extensions.plugins`."""

Find = Callable[[Request], Served]


class GraphQLEndpoint:
    """Answers GET and POST. Then credentials come first: who has none learns not even whether a document is valid."""

    def __init__(self, served: Find) -> None:
        self._served = served

    async def answer(self, request: Request) -> Response:
        """The response to a request; a rejected one is answered in the client's media type as far as it is known."""
        form = JSON
        try:
            check_method(request)
            served = self._served(request)
            settings = served.settings
            policy = await caller(served.db, request, seconds=settings.request_seconds)
            accept = request.headers.get("accept")
            wanted = media_type(accept)
            form = JSON if wanted == EVENTS else wanted
            asked = await read_request(request, max_bytes=settings.max_body_bytes, seconds=settings.read_seconds)
            asked = replace(
                asked, idempotency_key=idempotency_key(request), plugin_times=bool(request.headers.get(PLUGIN_TIMES))
            )
            reading = request.method == "GET"
            if takes_events(accept):
                session = Session(served, request.headers.get("authorization"))
                stream = served.runner.open(session, asked, reading_only=reading)
                if stream.endless or wanted == EVENTS:
                    return EventStream(request, stream, stall_seconds=settings.stall_seconds)
            context = served.context(policy, request.state.id)
            done = await served.runner.run(context, asked, reading_only=reading)
        except Rejected as rejected:
            return error_response(rejected, str(request.state.id), media_type=form)
        return _response(done, form)


async def sdl(served: Served, request: Request) -> Response:
    """`/schema.graphql`, for tools. It needs a token like introspection does."""
    try:
        await caller(served.db, request, seconds=served.settings.request_seconds)
    except Rejected as rejected:
        return error_response(rejected, str(request.state.id))
    return Response(served.sdl(), media_type="text/plain; charset=utf-8")


async def statistics(served: Served, request: Request) -> Response:
    """`/statistics`: what this process keeps of documents and plans, and how often that helped. It needs a token."""
    try:
        await caller(served.db, request, seconds=served.settings.request_seconds)
    except Rejected as rejected:
        return error_response(rejected, str(request.state.id))
    runner = served.runner
    kept = {"documents": asdict(runner.documents.statistics), "plans": asdict(runner.engine.plans.statistics)}
    return json_response(kept)


def _response(done: Answer, form: str) -> Response:
    code = done.errors[0]["extensions"]["code"] if done.errors else ""
    headers: dict[str, str] = {}
    if code == QUERY_ONLY:
        headers["Allow"] = "POST"
    return json_response(done.body, _status(done, form, code), media_type=form, headers=headers)


def _status(done: Answer, form: str, code: str) -> int:
    """That an operation never began is the client's fault, which only the newer media type shows in the status."""
    if code == QUERY_ONLY:
        return 405
    if code in {DEADLINE, STORAGE_FULL, UNAVAILABLE} and done.data is None:
        return 503
    return 400 if not done.executed and form == GRAPHQL else 200
