"""Which plugins an app under test has, and the core and those plugins put together, once per process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from crmcore.app import Composition, compose
from crmcore.errors import ConfigError
from crmcore.plugins import Manifest, Plugins, PluginState
from crmcore.plugins.discovery import Candidate, installed
from crmcore.plugins.projects import found_in, in_project, is_project
from crmcore.schema.printing import print_schema
from crmcore.testing.databases import apart


@dataclass(frozen=True, slots=True)
class Chosen:
    """Plugins by id, and where those are that are not installed."""

    ids: tuple[str, ...]
    paths: tuple[Path, ...]
    candidates: tuple[Candidate, ...]


_parts: dict[tuple[tuple[str, str], ...], Composition] = {}


def chosen(ids: Sequence[str], paths: Sequence[Path], place: Path) -> Chosen:
    """These plugins and what they require; none named: the one whose project holds `place`.

    ConfigError for one that is nowhere.
    """
    project = project_of(place)
    beside = [] if project is None else [project, *(p for p in sorted(project.parent.iterdir()) if is_project(p))]
    found = {candidate.id: candidate for candidate in [*found_in(*beside), *installed(), *found_in(*paths)]}
    wanted = list(ids) or ([candidate.id for candidate in in_project(project)] if project else [])
    taken: dict[str, Candidate] = {}
    while wanted:
        id = wanted.pop()
        if id in taken:
            continue
        if id not in found:
            places = ", ".join(sorted(found)) or "none"
            raise ConfigError(f"There is no plugin {id}: install it or name its folder in `paths`. Found: {places}.")
        taken[id] = found[id]
        wanted += [other for other in _required(found[id]) if other in found]
    return Chosen(tuple(sorted(taken)), tuple(paths), tuple(taken.values()))


def _required(candidate: Candidate) -> list[str]:
    """What its manifest requires. What it raises at import is said when it is loaded."""
    try:
        meta = candidate.load().meta
    except Exception:  # noqa: BLE001 - a plugin may fail in any way: that is for the app to say
        return []
    return list(meta.requires) if isinstance(meta, Manifest) else []


def project_of(place: Path) -> Path | None:
    """The nearest folder above `place` that is the project of a plugin."""
    return next((folder for folder in place.resolve().parents if is_project(folder)), None)


async def composed(which: Chosen, *, strict: bool = True) -> Composition:
    """An app's parts with fresh instances of these plugins. What they add up to is worked out once."""
    plugins = Plugins(which.candidates, strict=strict)
    key = tuple(sorted((candidate.id, candidate.source) for candidate in which.candidates))
    if any(listed.state != PluginState.LOADED for listed in plugins.listing()):
        return await compose(plugins)
    if key not in _parts:
        parts = await compose(plugins)
        if any(listed.state != PluginState.LOADED for listed in plugins.listing()):
            return parts
        _parts[key] = parts
    return replace(_parts[key], plugins=plugins)


async def _printed() -> str:
    return print_schema((await compose(Plugins())).schema)


@cache
def core_sdl() -> str:
    """The graph of the core alone, printed."""
    return apart(_printed)
