"""Installing apps, changing what they may do, and taking them out again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from crmcore.domain.apps.models import App
from crmcore.errors import NotFound, Refusals
from crmcore.kit.sql import Sql, value
from crmcore.platform.access import Actor, ActorKind, Policy
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction, retrying
from crmcore.platform.fields import Uuid
from crmcore.platform.identity import create_token, replace_token, revoke_token, set_scopes
from crmcore.platform.webhooks import WebhookEndpoint
from crmcore.platform.webhooks.secrets import signing_keys
from crmcore.records import Change, Create, Delete, Draft, Update, effect, write
from crmcore.records.rows import load
from crmcore.records.webhooks import create_endpoint, update_endpoint

_ID = Uuid()
Endpoint = Mapping[str, Any]
"""The columns of a webhook endpoint, checked by whoever knows the graph."""


@dataclass(frozen=True, slots=True)
class Installed:
    """What is told once: the token, and the secret that signs what all its webhooks send."""

    id: UUID
    token: str | None = None
    secret: str | None = None


async def install_app(
    ctx: Context, values: Mapping[str, Any], rights: Sequence[str], endpoints: Sequence[Endpoint]
) -> Installed:
    """A new app, a token that may do what `rights` say (`Policy.scopes`), and its webhooks, whose messages hold what
    the token may read. A refusal of a webhook begins with its place: `webhooks`, `0`."""

    async def attempt() -> Installed:
        async with ctx.enclosed() as tx:
            token = await create_token(tx, ctx.tenant_id, values["name"], scopes=rights, at=ctx.clock())
            whose = {"owner_id": ctx.actor.user_id, "team_id": ctx.actor.team_id}
            [written] = await write(ctx, [Create(App, {**values, **whose, "token_id": token.id})], tx=tx)
            secret = await _replace(_as_app(ctx, token.id, values["name"]), tx, endpoints)
            return Installed(written.id, token.text, secret)

    return await retrying(attempt)


async def update_app(
    ctx: Context,
    id: UUID,
    values: Mapping[str, Any],
    rights: Sequence[str],
    endpoints: Sequence[Endpoint],
    expected_version: int | None = None,
) -> Installed:
    """The app as its newer version wants it. Its token stays, and so does the secret of its webhooks, which is
    told if these are its first; webhooks that it names no longer are deleted."""

    async def attempt() -> Installed:
        async with ctx.enclosed() as tx:
            app = await _app(ctx, tx, id)
            await write(ctx, [Update(App, id, values, expected_version)], tx=tx)
            await set_scopes(tx, ctx.tenant_id, app["token_id"], rights)
            secret = await _replace(_as_app(ctx, app["token_id"], values["name"]), tx, endpoints)
            return Installed(id, None, secret)

    return await retrying(attempt)


async def rotate_app_token(ctx: Context, id: UUID) -> Installed:
    """A new token for the app; the old one ends at once."""

    async def attempt() -> Installed:
        async with ctx.enclosed() as tx:
            app = await _app(ctx, tx, id)
            token = await replace_token(tx, ctx.tenant_id, app["token_id"], at=ctx.clock())
            await write(ctx, [Update(App, id, {"token_id": token.id})], tx=tx)
            as_app = _as_app(ctx, token.id, app["name"])
            for key in await _endpoints(ctx, tx, app["token_id"]):
                await write(as_app, [Update(WebhookEndpoint, key, {"actor_id": token.id})], tx=tx)
            return Installed(id, token.text)

    return await retrying(attempt)


@effect(App)
async def end_with_the_app(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> Sequence[Change]:
    """A deleted app's token is revoked, and its webhooks go with it."""
    gone: list[Change] = []
    for draft in drafts:
        if draft.operation == "delete":
            await revoke_token(tx, ctx.tenant_id, draft.after["token_id"], at=ctx.clock())
            gone += [Delete(WebhookEndpoint, key) for key in await _endpoints(ctx, tx, draft.after["token_id"])]
    return gone


async def _app(ctx: Context, tx: Transaction, id: UUID) -> Mapping[str, Any]:
    row = (await load(ctx, tx, App, [id], "NO KEY UPDATE")).get(id)
    if row is None:
        raise Refusals([NotFound("There is no such app.", "id")])
    return row


async def _replace(ctx: Context, tx: Transaction, endpoints: Sequence[Endpoint]) -> str | None:
    """Make the app's webhooks these. They share one secret, which is answered if it was just made."""
    assert ctx.actor.token_id is not None
    held = await _endpoints(ctx, tx, ctx.actor.token_id)
    keys = await signing_keys(tx, ctx.tenant_id, next(iter(held)), ctx.clock()) if held else []
    secret = keys[0] if keys else ""
    told: str | None = None
    for place, endpoint in enumerate(endpoints):
        known = next((key for key, url in held.items() if url == endpoint["url"]), None)
        try:
            if known is not None:
                del held[known]
                await update_endpoint(ctx, known, endpoint)
                continue
            _, made = await create_endpoint(ctx, endpoint, secret=secret)
        except Refusals as refusals:
            raise placed(refusals, place) from refusals
        if not secret:
            secret = told = made
    await write(ctx, [Delete(WebhookEndpoint, key) for key in held], tx=tx)
    return told


async def _endpoints(ctx: Context, tx: Transaction, token_id: UUID) -> dict[UUID, str]:
    """The addresses of the living endpoints that the token configured."""

    def key(given: UUID) -> Any:
        return value(_ID.to_driver(given, tx.dialect))

    rows = await tx.fetch(Sql(
        "SELECT id, url FROM webhook_endpoint WHERE tenant_id = ", key(ctx.tenant_id), " AND actor_id = ",
        key(token_id), " AND deleted_at IS NULL ORDER BY id",
    ))  # fmt: skip
    return {_ID.from_driver(row["id"]): row["url"] for row in rows}


def placed(refusals: Refusals, place: int) -> Refusals:
    """The refusals of a webhook, as those of the app that names it in this place."""
    for one in refusals.refusals:
        one.path = ("webhooks", str(place), *one.path)
    return refusals


def _as_app(ctx: Context, token_id: UUID, name: str) -> Context:
    """The app itself, which configures its webhooks as the installer allows."""
    actor = Actor(ActorKind.API_KEY, token_id, name=name, token_id=token_id)
    return replace(ctx, policy=Policy(ctx.tenant_id, actor, fields_version=ctx.policy.fields_version))
