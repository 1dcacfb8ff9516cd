"""`/files`: bytes in by POST, out by GET. What they mean is said in GraphQL, by the file's id.

A browser sends no token by itself, so a page of somebody else's can neither send a file nor read one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from crmcore.domain.files import File, keep_file
from crmcore.http.answers import (
    BAD_REQUEST,
    NOT_FOUND,
    PAYLOAD_TOO_LARGE,
    TIMED_OUT,
    UNSUPPORTED_MEDIA_TYPE,
    Rejected,
    error_response,
    json_response,
)
from crmcore.http.auth import caller
from crmcore.http.served import Served
from crmcore.kit import times
from crmcore.kit.ids import to_global
from crmcore.platform.access import Actor, ActorKind, Policy
from crmcore.platform.blobs import BlobWriter, TooLarge, read_pieces
from crmcore.platform.context import Context
from crmcore.platform.links import is_signed
from crmcore.records import load

FORBIDDEN: Final = "FORBIDDEN"
_LONGEST_NAME: Final = 255
_HEADERS: Final = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Referrer-Policy": "no-referrer",
}


async def receive_file(served: Served, request: Request) -> Response:
    """Keep the body as a file: `POST /files?name=customers.csv`. 201 with the file's id."""
    settings = served.settings
    try:
        policy = await caller(served.db, request, seconds=settings.request_seconds)
        name, media_type = _described(request)
        length = request.headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit() and len(length) < 16):
            raise Rejected(400, BAD_REQUEST, "Content-Length is no number.")
        if int(length) > settings.max_file_bytes:
            raise _too_large(settings.max_file_bytes)
        ctx = served.context(policy, request.state.id)
        blob = BlobWriter(ctx, settings.max_file_bytes)
        await _receive(request, blob, settings.read_seconds, settings.max_file_bytes)
        key = await keep_file(ctx, blob, name, media_type, settings.file_days)
        [row] = await _find(ctx, key)
    except Rejected as rejected:
        return error_response(rejected, str(request.state.id))
    told = {
        "id": to_global("file", key), "name": name, "mediaType": media_type, "size": blob.size, "sha256": blob.sha256,
        "expiresAt": times.to_text(row["expires_at"]),
    }  # fmt: skip
    return json_response({"file": told}, 201, headers={"Location": f"/files/{key}"})


async def send_file(served: Served, request: Request) -> Response:
    """The bytes of a file: by a signed link, or by a token for which the file is there."""
    try:
        key = _key(request.path_params["id"])
        ctx = await _allowed(served, request, key)
        rows = await _find(ctx, key)
        if not rows or rows[0]["expires_at"] <= ctx.clock():
            raise _not_there()
    except Rejected as rejected:
        return error_response(rejected, str(request.state.id))
    [row] = rows
    headers = {
        **_HEADERS, "Content-Length": str(row["size"]), "ETag": f'"{row["sha256"]}"',
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(row['name'], safe='')}",
    }  # fmt: skip
    body = () if request.method == "HEAD" else read_pieces(ctx.db, ctx.tenant_id, key)
    return StreamingResponse(_bytes(body), headers=headers, media_type=row["media_type"])


async def _bytes(pieces: Any) -> AsyncIterator[bytes]:
    if pieces:
        async for piece in pieces:
            yield piece


def _described(request: Request) -> tuple[str, str]:
    """Name and media type. A form is refused: its parts would be taken for the file."""
    media_type = request.headers.get("content-type", "application/octet-stream").strip()
    if media_type.lower().startswith(("multipart/", "application/x-www-form-urlencoded")):
        said = "Send the file itself as the body, not a form: its type in Content-Type, its name as ?name=."
        raise Rejected(415, UNSUPPORTED_MEDIA_TYPE, said)
    name = request.query_params.get("name", "file").strip()
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable() or "/" in name or "\\" in name:
        raise Rejected(400, BAD_REQUEST, f"name must be a file's name of at most {_LONGEST_NAME} characters.")
    if not (media_type.isascii() and media_type.isprintable() and 0 < len(media_type) <= 100):
        raise Rejected(400, BAD_REQUEST, "Content-Type must be a media type, like text/csv.")
    return name, media_type


async def _receive(request: Request, blob: BlobWriter, seconds: float, most: int) -> None:
    """Take the body as it comes. A client may be slow, but not silent."""
    stream = request.stream()
    try:
        while True:
            async with asyncio.timeout(seconds):
                chunk = await anext(stream, None)
            if chunk is None:
                break
            await blob.write(chunk)
        await blob.close()
    except TooLarge:
        raise _too_large(most) from None
    except TimeoutError:
        said = f"Nothing of the body arrived for {seconds:g} s."
        raise Rejected(408, TIMED_OUT, said, {"Connection": "close"}) from None


def _too_large(most: int) -> Rejected:
    return Rejected(413, PAYLOAD_TOO_LARGE, f"The file is larger than {most} bytes.", {"Connection": "close"})


def _key(text: str) -> UUID:
    try:
        return UUID(text.removeprefix("file_"))
    except ValueError:
        raise _not_there() from None


def _not_there() -> Rejected:
    return Rejected(404, NOT_FOUND, "There is no such file, or you may not see it, or it has expired.")


async def _allowed(served: Served, request: Request, key: UUID) -> Context:
    given = request.query_params
    if "signature" not in given:
        policy = await caller(served.db, request, seconds=served.settings.request_seconds)
        return served.context(policy, request.state.id)
    try:
        tenant = UUID(given.get("tenant", ""))
    except ValueError:
        tenant = UUID(int=0)
    ctx = served.context(Policy(tenant, Actor(ActorKind.SYSTEM, name="link")), request.state.id)
    if not is_signed(ctx.secret, tenant, key, given.get("expires", ""), given["signature"], ctx.clock()):
        raise Rejected(403, FORBIDDEN, "This link is not valid, or not any more: ask for a new one.")
    return ctx


async def _find(ctx: Context, key: UUID) -> list[dict[str, Any]]:
    return list((await load(ctx, None, File, [key])).values())
