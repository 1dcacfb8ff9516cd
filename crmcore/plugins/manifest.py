"""What a plugin says about itself, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from crmcore.errors import Forbidden
from crmcore.platform.context import Context
from crmcore.plugins import settings
from crmcore.plugins.settings import PluginSettings

API_VERSION: Final = "0.1"
"""Of what `crmcore.plugins`, `crmcore.schema`, `crmcore.errors` and the areas' faces promise to plugins."""

RESERVED: Final = frozenset({
    "core", "crmcore", "plugins",
    "care", "duplicates", "export", "files", "idempotency", "import", "jobs", "webhooks",  # begin the core's jobs
})  # fmt: skip
_ID: Final = re.compile(r"[a-z][a-z0-9_]{2,30}", re.ASCII)
_TYPE: Final = re.compile(r"\*|[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\.(\*|[a-z][a-z0-9_]*)", re.ASCII)
_HOST: Final = re.compile(r"(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Permission:
    """Something that a plugin lets some do and others not. The name is `<id>.<verb>`: `email.send`."""

    name: str
    description: str


def require(ctx: Context, permission: str) -> None:
    """Forbidden unless the caller has a permission that the plugin declares."""
    if not ctx.policy.holds(permission):
        raise Forbidden(f"You may not do this: it takes the permission {permission}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A plugin's class has one as `meta`.

    id           begins its tables (`surveys_`), its types (`Surveys`) and its fields (`surveys`); also the name of its
                 entry point or folder
    title        a few words for a list
    description  one sentence: what it does
    version      left out by a distribution: then it is the distribution's
    api          the versions of crmcore's plugin API that it works with, such as `>=0.1,<1`
    requires     other plugins by id, each with the versions that will do
    models       modules with its tables; may be relative to the plugin's package (`.models`)
    migrations   the package with their migrations; may be relative too
    conflicts    other plugins by id that it cannot live with, each with the versions that it means; empty: all
    settings     the class of its settings, made from `PluginSettings`
    subscribes   the types of events that `crm_on_event` is told: `case.resolved`, all of a kind as `customer.*`, or `*`
    outbound_hosts  the hosts that `crm.http` may reach: `api.example.com`, or `*.example.com` for all below it
    checks       types of records, such as `Deal`, whose changes `crm_validate` and `crm_before_commit` see
    on_error     what becomes of such a change when one of them fails or is too slow: `abort` refuses it, `skip` lets
                 it pass
    permissions  what it lets be granted to apps beside the rights to records; its code asks with `require(ctx, name)`
    """

    id: str
    title: str
    description: str
    api: str
    version: str = ""
    requires: Mapping[str, str] = field(default_factory=dict)
    models: Sequence[str] = ()
    migrations: str = ""
    conflicts: Mapping[str, str] = field(default_factory=dict)
    settings: type[PluginSettings] | None = None
    subscribes: Sequence[str] = ()
    outbound_hosts: Sequence[str] = ()
    checks: Sequence[str] = ()
    on_error: Literal["abort", "skip"] = "abort"
    permissions: Sequence[Permission] = ()


def faults(meta: Manifest) -> Iterator[str]:
    """Everything in a manifest that is wrong by itself."""
    if not _ID.fullmatch(meta.id) or meta.id in RESERVED or meta.id.endswith("_") or "__" in meta.id:
        yield f"id {meta.id!r}: use 3 to 31 lower-case letters, digits and single underscores, and no word of the core."
    for name in ("title", "description"):
        if not getattr(meta, name).strip():
            yield f"{name}: say it in a few words."
    if not meta.version:
        yield "version: only a plugin that is installed as a distribution may leave it out."
    elif not _is_version(meta.version):
        yield f"version {meta.version!r} is no version: write it like 1.2.0."
    for name, versions in {"api": meta.api, **_named("requires", meta), **_named("conflicts", meta)}.items():
        if not _is_range(versions):
            yield f"{name}: {versions!r} is no range of versions: write it like >=1,<2."
    for one in meta.permissions:
        if not re.fullmatch(rf"{meta.id}\.[a-z][a-z_]*", one.name) or not one.description.strip():
            yield f"permissions: {one.name!r} should be called like {meta.id}.send, and say what it lets do."
    if isinstance(meta.models, str):
        yield "models: give a list of modules."
    for name in ("subscribes", "outbound_hosts"):
        if isinstance(getattr(meta, name), str):
            yield f"{name}: give a list."
    yield from (f"subscribes: {t!r} is no type like case.resolved or customer.*." for t in _no(_TYPE, meta.subscribes))
    yield from (f"outbound_hosts: {h!r} is no host." for h in _no(_HOST, meta.outbound_hosts))
    if isinstance(meta.checks, str):
        yield "checks: give a list of types of records."
    if meta.on_error not in ("abort", "skip"):
        yield f"on_error {meta.on_error!r}: say abort or skip."
    if bool(meta.models) != bool(meta.migrations):
        yield "models and migrations belong together: name both, or neither."
    if meta.id in meta.requires or meta.id in meta.conflicts:
        yield "requires and conflicts name other plugins, not itself."
    if meta.settings is not None:
        yield from settings.faults(meta.settings)


def _no(form: re.Pattern[str], texts: Iterable[str]) -> Iterator[str]:
    return (text for text in texts if not form.fullmatch(text))


def _named(field: str, meta: Manifest) -> dict[str, str]:
    return {f"{field} {other}": versions for other, versions in getattr(meta, field).items()}


def accepts(versions: str, version: str) -> bool:
    """Whether a version is in a range; a pre-release counts as the version that it leads to."""
    return SpecifierSet(versions).contains(Version(version).base_version)


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _is_range(text: str) -> bool:
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        return False
    return True
