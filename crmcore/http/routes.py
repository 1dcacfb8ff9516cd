"""Every address that the server answers, and what stands before all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from crmcore.http import plugins
from crmcore.http.answers import METHOD_NOT_ALLOWED, NOT_FOUND, Rejected, error_response
from crmcore.http.console import console_routes
from crmcore.http.files import receive_file, send_file
from crmcore.http.graphql import GraphQLEndpoint, sdl, statistics
from crmcore.http.health import alive, ready
from crmcore.http.limits import Guard
from crmcore.http.served import Served
from crmcore.http.websocket import WebSocketEndpoint
from crmcore.settings import Settings


class PluginRoute(Route):
    """An address below `/plugins/`: which methods it knows is the plugin's business."""

    def __init__(self, path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> None:
        super().__init__(path, endpoint)
        self.methods = None


Find = Callable[..., Served]
"""The app that a request or a socket is for."""


def routes(find: Find) -> list[BaseRoute]:
    """The addresses."""

    def answering(answer: Callable[[Served, Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            return await answer(find(request), request)

        return endpoint

    graphql = Route("/graphql", GraphQLEndpoint(find).answer)
    graphql.methods = None  # it refuses the others itself, in words of its own
    return [
        graphql,
        WebSocketRoute("/graphql", WebSocketEndpoint(find).answer),
        Route("/files", answering(receive_file), methods=["POST"]),
        Route("/files/{id}", answering(send_file), methods=["GET"]),
        Route("/schema.graphql", answering(sdl), methods=["GET"]),
        Route("/statistics", answering(statistics), methods=["GET"]),
        Route("/livez", _alive, methods=["GET"]),
        Route("/readyz", answering(_ready), methods=["GET"]),
        *(
            PluginRoute(path, answering(plugins.answer))
            for path in ("/plugins/{plugin}", "/plugins/{plugin}/{path:path}")
        ),
        *console_routes(),
    ]


async def _alive(_request: Request) -> Response:
    return alive()


async def _ready(served: Served, _request: Request) -> Response:
    core = served.apps[:1]  # what becomes of a plugin's tables meanwhile does not keep the core from answering
    return await ready(served.db, core, served.unwell())


async def not_found(request: Request, error: Exception) -> Response:
    """The answer at addresses that are none, and to methods that an address does not know."""
    assert isinstance(error, HTTPException)
    code, said = NOT_FOUND, "There is nothing here. The API is at /graphql, the console at /console/."
    if error.status_code == 405:
        code, said = METHOD_NOT_ALLOWED, "This address does not know the method."
    return error_response(Rejected(error.status_code, code, said, error.headers), str(request.state.id))


def middleware(settings: Settings) -> list[Middleware]:
    """What every request passes, from outside to inside."""
    found = [Middleware(Guard, max_header_bytes=settings.max_header_bytes)]
    if settings.cors_origins:
        found.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Apollo-Require-Preflight",
                               "X-Apollo-Operation-Name", "Apollographql-Client-Name", "Apollographql-Client-Version"],
                expose_headers=["X-Request-Id"],
                max_age=600,
            )
        )  # fmt: skip
    return found
