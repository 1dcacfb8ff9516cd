"""Apps in the graph. An app's manifest is the input of `appInstall`, as JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final
from uuid import UUID

from graphql import GraphQLResolveInfo

from crmcore.domain import apps
from crmcore.errors import Limit, Refusals
from crmcore.platform.access import Policy
from crmcore.platform.context import Context
from crmcore.query import RecordType, Registry, field, record
from crmcore.schema.mutations import answer, identity_arguments
from crmcore.schema.roots import RootField
from crmcore.schema.scalars import record_key
from crmcore.schema.shapes import Field, Shapes, argument, listed, optional, shaped
from crmcore.schema.webhooks.fitting import Fitting
from crmcore.schema.writing import Payload

_MOST: Final = 50
_OWN: Final = ("key", "name", "release", "homepage")
_ONCE: Final = "Keep it now: it is not told again."
_SCOPES: Final = (
    "What it may do: customer:read, customer:write (which includes reading), customer:purge for each kind of record, "
    '"*:read" for all kinds, and permissions of plugins, such as email.send.'
)

Work = Callable[[Context, GraphQLResolveInfo[Any], Mapping[str, Any], Registry], Awaitable[apps.Installed]]


@record(apps.App, writes=("delete",))
class App:
    """A program of a partner that works with this CRM from outside. Deleting it ends its token and its webhooks."""

    key: str = field("Its name among programs, such as com.example.stock; unique.")
    name: str = field("Its name for people.")
    release: str | None = field("Which version of the program it is.")
    homepage: str | None = field("Where to read about it.")
    scopes: list[str] = field("What it may do, as in AppInstallInput.")


def make_app_types(registry: Registry, shapes: Shapes) -> None:
    """The manifest, and the payload of all mutations of apps, where the graph has apps."""
    if "app" not in registry.by_table:
        return
    shapes.object(
        "AppPayload", "The App as it is now, or the errors that say why nothing was done.",
        lambda: [
            shaped("app", optional(shapes["App"]), "The app; null if it was refused."),
            shaped("token", optional(str), f"The token that was just made. {_ONCE}"),
            shaped("secret", optional(str), f"What signs the messages of all its webhooks, if just made. {_ONCE}"),
            shaped("outcome", optional(shapes["WriteOutcome"]), "What became of it, in a batch."),
            shaped("errors", listed(shapes["UserError"]), "Empty if it was done."),
        ],
    )  # fmt: skip
    shapes.input("AppInstallInput", "The manifest of an app: what it is called, may do and hears.",
                 partial(_manifest, shapes))  # fmt: skip


def app_mutations(registry: Registry, shapes: Shapes) -> list[RootField]:
    """`appInstall` and its sisters; deletion is generated."""
    own = registry.by_table.get("app")
    if own is None:
        return []
    manifest = argument("input", shapes["AppInstallInput"], "The app's manifest.")
    key, version = identity_arguments(own)
    install = "Let an app work with this CRM. The answer has its token and the secret of its webhooks."
    update = (
        "Give an app what its newer manifest asks for. Its token stays, and so does the secret of its "
        "webhooks; those that it names no longer are deleted."
    )
    rotate = "Make a new token for an app. The old one ends at once."
    rows: Sequence[tuple[str, str, list[Any], Work]] = (
        ("appInstall", install, [manifest], _install),
        ("appUpdate", update, [key, manifest, version], _update),
        ("appRotateToken", rotate, [key], _rotate),
    )
    payload = optional(shapes["AppPayload"])
    return [RootField(shaped(name, payload, said, arguments=takes), _resolver(own, registry, work))
            for name, said, takes, work in rows]  # fmt: skip


def _manifest(shapes: Shapes) -> list[Field]:
    return [
        shaped("key", str, "Its name among programs: lower-case letters, digits, points and hyphens."),
        shaped("name", str, "Its name for people."),
        shaped("release", optional(str), "Which version of the program it is."),
        shaped("homepage", optional(str), "Where to read about it: https://..."),
        shaped("scopes", listed(str), _SCOPES),
        shaped("webhooks", optional(listed(shapes["WebhookEndpointCreateInput"])),
               f"Where it is told what: at most {_MOST}."),
    ]  # fmt: skip


def _resolver(own: RecordType, registry: Registry, work: Work) -> Callable[..., Awaitable[Payload]]:
    async def resolve(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
        done: list[apps.Installed] = []

        async def command(ctx: Context) -> UUID:
            done[:] = [await work(ctx, info, given, registry)]
            return done[0].id

        payload = await answer(own, info, command, {})
        told = done[0] if done and not payload["errors"] else None
        return {**payload, "token": told.token if told else None, "secret": told.secret if told else None}

    return resolve


async def _install(
    ctx: Context, info: GraphQLResolveInfo[Any], given: Mapping[str, Any], registry: Registry
) -> apps.Installed:
    values, rights, endpoints = await _read(ctx, info, given["input"], registry)
    return await apps.install_app(ctx, values, rights, endpoints)


async def _update(
    ctx: Context, info: GraphQLResolveInfo[Any], given: Mapping[str, Any], registry: Registry
) -> apps.Installed:
    values, rights, endpoints = await _read(ctx, info, given["input"], registry)
    return await apps.update_app(ctx, _key(given), values, rights, endpoints, given.get("expectedVersion"))


async def _rotate(
    ctx: Context, _info: GraphQLResolveInfo[Any], given: Mapping[str, Any], _registry: Registry
) -> apps.Installed:
    return await apps.rotate_app_token(ctx, _key(given))


def _key(given: Mapping[str, Any]) -> UUID:
    return record_key(given["id"], "app", "id")


async def _read(
    ctx: Context, info: GraphQLResolveInfo[Any], sent: Mapping[str, Any], registry: Registry
) -> tuple[dict[str, Any], list[str], list[Mapping[str, Any]]]:
    """The app's columns, what its token may do, and its webhooks, all checked against the graph."""
    rights = rights_of(registry, await info.context.plugins.listing(ctx), sent["scopes"], ctx.policy)
    webhooks = sent.get("webhooks") or []
    if len(webhooks) > _MOST:
        raise Limit(f"webhooks: at most {_MOST}.", "webhooks")
    fitting: Fitting = info.context.webhooks
    reader = replace(ctx, policy=replace(ctx.policy, scopes=frozenset(rights)))
    endpoints: list[Mapping[str, Any]] = []
    for place, one in enumerate(webhooks):
        try:
            columns = await fitting.columns(reader, one)
            fitting.whole(columns)
        except Refusals as refusals:
            raise apps.placed(refusals, place) from refusals
        endpoints.append(columns)
    values: dict[str, Any] = {name: sent.get(name) for name in _OWN}
    values["scopes"] = list(dict.fromkeys(sent["scopes"]))
    return values, rights, endpoints


def rights_of(
    registry: Registry, plugins: Sequence[Any], scopes: Sequence[str], granter: Policy | None = None
) -> list[str]:
    """What scopes stand for in a policy. Refusals name those that are none, and those that the granter lacks."""
    nouns = {one.root: one.table for one in registry.records.values()}
    rights = [_right(scope, nouns) for scope in scopes]
    permissions = frozenset(one.name for plugin in plugins for one in plugin.permissions)
    if problems := [*apps.scopes_fit(granter, rights, nouns.values(), permissions)]:
        raise Refusals(problems)
    return rights


def _right(scope: str, nouns: Mapping[str, str]) -> str:
    """A scope as a policy knows it: by the table of the records that it names."""
    noun, colon, right = scope.partition(":")
    return f"{nouns.get(noun, noun)}:{right}" if colon else scope
