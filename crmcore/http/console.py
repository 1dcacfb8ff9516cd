"""The console: a static page, public, without any schema in it. The token comes in the address's fragment."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_FILES: Final = Path(__file__).with_name("console")
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class _Page(StaticFiles):
    """Our own files and nothing from elsewhere, as the browser is told."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["Referrer-Policy"] = "no-referrer"
        return response


async def _to_the_page(_request: Request) -> Response:
    return RedirectResponse("/console/", 307)


def console_routes() -> list[BaseRoute]:
    """`/console/`, and the ways to it."""
    return [
        Route("/", _to_the_page, methods=["GET"]),
        Route("/console", _to_the_page, methods=["GET"]),
        Mount("/console", _Page(directory=_FILES, html=True)),
    ]
