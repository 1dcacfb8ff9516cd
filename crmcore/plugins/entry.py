"""A plugin on its way into an app: what was found of it, what it says about itself, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from crmcore.plugins import manifest
from crmcore.plugins.contribution import Contribution
from crmcore.plugins.discovery import Candidate
from crmcore.plugins.manifest import API_VERSION, Manifest, accepts
from crmcore.plugins.states import Listed, PluginFault, PluginState


@dataclass(slots=True)
class Entry:
    """A plugin on its way in. `any_api`: whatever version of the API it is made for."""

    found: Candidate
    any_api: bool = False
    state: PluginState = PluginState.FAILED
    problems: tuple[str, ...] = ()
    cls: Any = None
    meta: Manifest | None = None
    share: Contribution | None = None
    needs: frozenset[str] = field(default=frozenset())


def said(error: BaseException) -> str:
    """An error in one line: what it says, with its kind in front."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def read(entry: Entry) -> None:
    """Import the class and check its manifest."""
    cls = entry.found.load()
    meta = getattr(cls, "meta", None)
    if not isinstance(cls, type) or not isinstance(meta, Manifest):
        raise PluginFault(f"{cls!r} is no class with `meta = Manifest(...)`.")
    entry.cls = cls
    entry.meta = meta = meta if meta.version else replace(meta, version=entry.found.version)
    if problems := tuple(manifest.faults(meta)):
        raise PluginFault(*problems)
    if meta.id != entry.found.id:
        raise PluginFault(f"its entry point or folder is called {entry.found.id}, but its id is {meta.id}: use one.")
    if not accepts(meta.api, API_VERSION):
        said = f"works with plugin API {meta.api}, but this crmcore has {API_VERSION}"
        if not entry.any_api:
            raise PluginFault(f"{said}: install a version that fits.", state=PluginState.INCOMPATIBLE)
        entry.problems = (f"{said}, and is loaded all the same (plugins_any_api).",)
    entry.needs = frozenset(meta.requires)


def listed(entry: Entry) -> Listed:
    """The plugin as it is listed."""
    found, meta = entry.found, entry.meta
    return Listed(
        id=found.id,
        title=meta.title if meta else found.id,
        description=meta.description if meta else "",
        version=meta.version if meta else found.version,
        state=entry.state,
        source=found.source,
        problems=entry.problems,
        permissions=tuple(meta.permissions) if meta else (),
    )
