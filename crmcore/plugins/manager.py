"""The plugins of one app: found, checked and asked for their share. Whatever one does wrong, the app goes on.

Nothing here is global: an app makes its own `Plugins`, and every plugin's class is instantiated for that app.
"""

from __future__ import annotations

import difflib
import inspect
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

import pluggy

from crmcore.errors import ConfigError
from crmcore.plugins import manifest, specs
from crmcore.plugins.contribution import Contribution, contribution, faults
from crmcore.plugins.discovery import Candidate, in_folders, installed
from crmcore.plugins.manifest import API_VERSION, Manifest, Permission, accepts
from crmcore.plugins.settings import PluginSettings
from crmcore.settings import Settings

T = TypeVar("T")
logger = logging.getLogger(__name__)


class PluginState(StrEnum):
    """What became of a plugin. NEEDS_SETTINGS is for one tenant; DEGRADED may pass by itself."""

    LOADED = "LOADED"
    DEGRADED = "DEGRADED"
    DISABLED = "DISABLED"
    FAILED = "FAILED"
    INCOMPATIBLE = "INCOMPATIBLE"
    NEEDS_MIGRATION = "NEEDS_MIGRATION"
    NEEDS_SETTINGS = "NEEDS_SETTINGS"


@dataclass(frozen=True, slots=True)
class Listed:
    """One plugin as the graph and the command line list it; `problems` say why it is not loaded."""

    id: str
    title: str
    description: str
    version: str
    state: PluginState
    source: str
    problems: tuple[str, ...] = ()
    permissions: tuple[Permission, ...] = ()


class PluginFault(Exception):
    """Why a plugin is not loaded; the text is for whoever installed it."""

    def __init__(self, *problems: str, state: PluginState = PluginState.FAILED) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems
        self.state = state


@dataclass(slots=True)
class _Entry:
    """A plugin on its way in."""

    found: Candidate
    state: PluginState = PluginState.FAILED
    problems: tuple[str, ...] = ()
    cls: Any = None
    meta: Manifest | None = None
    share: Contribution | None = None
    needs: frozenset[str] = field(default=frozenset())


class Plugins:
    """Every plugin that was found, in the order in which they load: what they require first, then by id."""

    def __init__(
        self,
        found: Iterable[Candidate] = (),
        *,
        only: Collection[str] | None = None,
        disabled: Collection[str] = (),
        strict: bool = False,
    ) -> None:
        self._strict = strict
        self._hooks = pluggy.PluginManager(specs.PROJECT)
        self._hooks.add_hookspecs(specs)
        self._entries: dict[str, _Entry] = {}
        self._doubles: list[_Entry] = []
        for candidate in sorted(found, key=lambda c: (c.id, c.source)):
            self._import(candidate, off=candidate.id in disabled or (only is not None and candidate.id not in only))
        for entry in self._in_order():
            self._guarded(entry, self._load)
        self._stop_if_strict()

    @classmethod
    def discover(cls, settings: Settings) -> Plugins:
        """The installed plugins and those in `plugin_paths`. ConfigError when one fails and the settings are strict."""
        found = [*installed(), *in_folders(settings.plugin_paths)] if settings.plugins_enabled else []
        only = settings.plugins_allow or None
        return cls(found, only=only, disabled=settings.plugins_disable, strict=settings.plugins_strict)

    def listing(self) -> list[Listed]:
        """All plugins by id, whatever became of them."""
        entries = sorted([*self._entries.values(), *self._doubles], key=lambda e: (e.found.id, e.found.source))
        return [_listed(entry) for entry in entries]

    def contributions(self) -> list[Contribution]:
        """The shares of the plugins that are loaded, in the order in which they load."""
        return [e.share for e in self._entries.values() if e.share is not None and e.state == PluginState.LOADED]

    def implementations(self, hook: str) -> list[tuple[Manifest, Callable[..., Any]]]:
        """Who implements a hook, in the order in which they are called: dependencies first, unless a plugin says
        `tryfirst` or `trylast`. The function takes the hook's arguments by name, and passes on those it knows."""
        order = {plugin: place for place, plugin in enumerate(self._entries)}
        found = []
        for impl in getattr(self._hooks.hook, hook).get_hookimpls():
            entry = self._entries[impl.plugin_name]
            if entry.state == PluginState.LOADED and entry.meta is not None:
                rank = (impl.trylast - impl.tryfirst, order[impl.plugin_name])
                found.append((rank, entry.meta, partial(_with_its_arguments, impl)))
        return [(meta, function) for _, meta, function in sorted(found, key=lambda one: one[0])]

    def settings(self) -> dict[str, type[PluginSettings]]:
        """The classes of the settings of the plugins that are loaded, by id."""
        loaded = [e.meta for e in self._entries.values() if e.meta is not None and e.state == PluginState.LOADED]
        return {meta.id: meta.settings for meta in loaded if meta.settings is not None}

    def classes(self) -> dict[str, type]:
        """The classes of the plugins that are loaded, by id."""
        return {e.found.id: e.cls for e in self._entries.values() if e.state == PluginState.LOADED}

    async def admit(self, attempt: Callable[[Sequence[Contribution]], Awaitable[T]]) -> T:
        """What `attempt` makes of the contributions; a plugin with whose share it fails is dropped, with the reason.

        It is called with all of them, and only if that fails without any and then with one more at a time, so it must
        bear to be called again. What it raises without any plugin is raised here.
        """
        shares = self.contributions()
        try:
            return await attempt(shares)
        except Exception:  # whose fault it is, is found out below; the app's own is raised there
            logger.debug("A plugin's share does not fit; trying one after the other.", exc_info=True)
        kept: list[Contribution] = []
        result = await attempt(kept)
        for share in shares:
            if self._entries[share.plugin].state == PluginState.LOADED:
                try:
                    result = await attempt([*kept, share])
                except Exception as error:  # a plugin may fail in any way, and the app goes on
                    logger.warning("Plugin %s is left out.", share.plugin, exc_info=True)
                    self.drop(share.plugin, said(error))
                else:
                    kept.append(share)
        return result

    def drop(self, plugin: str, *problems: str) -> None:
        """Take a loaded plugin out, and with it the plugins that require it."""
        entry = self._entries[plugin]
        entry.state, entry.problems = PluginState.FAILED, problems
        for other in self._entries.values():
            if plugin in other.needs and other.state == PluginState.LOADED:
                self.drop(other.found.id, f"requires {plugin}, which failed.")
        self._stop_if_strict()

    def _import(self, found: Candidate, off: bool) -> None:
        """Note a plugin and, unless it is off, import its class and read its manifest."""
        entry = _Entry(found)
        if (first := self._entries.get(found.id)) is not None:
            entry.problems = (f"{first.found.source} is a plugin called {found.id} already.",)
            self._doubles.append(entry)
            return
        self._entries[found.id] = entry
        if off:
            entry.state = PluginState.DISABLED
        else:
            entry.state = PluginState.LOADED
            self._guarded(entry, _read)

    def _guarded(self, entry: _Entry, step: Callable[[_Entry], None]) -> None:
        """Run a step of a plugin that is on its way in; whatever it raises becomes the plugin's state."""
        if entry.state != PluginState.LOADED:
            return
        try:
            step(entry)
        except PluginFault as fault:
            entry.state, entry.problems = fault.state, fault.problems
        except (Exception, SystemExit) as error:  # a plugin may fail in any way, and the app goes on
            entry.state, entry.problems = PluginState.FAILED, (said(error),)
            logger.warning("Plugin %s (%s) failed.", entry.found.id, entry.found.source, exc_info=True)

    def _in_order(self) -> Iterator[_Entry]:
        """What a plugin requires comes before it; in a ring nobody can be first, and all of it fails."""
        waiting = dict(self._entries)
        self._entries = {}
        while waiting:
            ready = [key for key, entry in waiting.items() if not entry.needs & (waiting.keys() - {key})]
            if not ready:
                for key, entry in waiting.items():
                    entry.state = PluginState.FAILED
                    entry.problems = (f"{', '.join(sorted(waiting))} require each other: one has to do without.",)
                    self._entries[key] = entry
                return
            key = ready[0]
            self._entries[key] = waiting.pop(key)
            yield self._entries[key]

    def _load(self, entry: _Entry) -> None:
        """Make the app's instance, register its hooks, ask for its share and check it."""
        meta = entry.meta
        assert meta is not None
        self._check_requires(meta)
        plugin = entry.cls()
        self._register(meta.id, plugin)
        try:
            if problems := tuple(_unfit_checks(meta, plugin)):
                raise PluginFault(*problems)
            share = replace(
                contribution(meta, entry.cls.__module__, self._asked(plugin, "crm_graph")),
                jobs=tuple(self._asked(plugin, "crm_jobs")),
                routes=tuple(self._asked(plugin, "crm_routes")),
                commands=tuple(self._asked(plugin, "crm_commands")),
            )
            if problems := tuple(faults(share)):
                raise PluginFault(*problems)
        except BaseException:
            self._hooks.unregister(plugin)
            raise
        entry.share = share

    def _check_requires(self, meta: Manifest) -> None:
        problems = []
        for other, versions in sorted(meta.requires.items()):
            found = self._entries.get(other)
            if found is None:
                problems.append(f"requires {other}, which is not installed.")
            elif found.state != PluginState.LOADED or found.meta is None:
                problems.append(f"requires {other}, which is {found.state.lower()}.")
            elif not accepts(versions, found.meta.version):
                problems.append(f"requires {other} {versions}; installed is {found.meta.version}.")
        if problems:
            raise PluginFault(*problems)

    def _register(self, id: str, plugin: Any) -> None:
        problems = tuple(_misspelt(plugin))
        if problems:
            raise PluginFault(*problems)
        try:
            self._hooks.register(plugin, name=id)
        except pluggy.PluginValidationError as error:
            raise PluginFault(" ".join(str(error).split())) from error

    def _asked(self, plugin: Any, hook: str) -> Sequence[Any]:
        """The plugin's answer to a hook that is called once; nothing where it has no such hook."""
        function = self._hook(plugin, hook)
        return [] if function is None else list(function())

    def _hook(self, plugin: Any, hook: str) -> Callable[..., Any] | None:
        for found in getattr(self._hooks.hook, hook).get_hookimpls():
            if found.plugin is plugin:
                function: Callable[..., Any] = found.function
                return function
        return None

    def manifests(self) -> Mapping[str, Manifest]:
        """The manifests of the plugins that are loaded, by id."""
        return {
            e.found.id: e.meta for e in self._entries.values() if e.state == PluginState.LOADED and e.meta is not None
        }

    def _stop_if_strict(self) -> None:
        bad = [e for e in self.listing() if e.state in (PluginState.FAILED, PluginState.INCOMPATIBLE)]
        if self._strict and bad:
            lines = [f"  {e.id} ({e.source}): {problem}" for e in bad for problem in e.problems]
            raise ConfigError(
                "Plugins do not load, and plugins_strict is on. Repair, disable or remove them:\n" + "\n".join(lines)
            )


def said(error: BaseException) -> str:
    """An error in one line: what it says, with its kind in front."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _read(entry: _Entry) -> None:
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
        raise PluginFault(
            f"works with plugin API {meta.api}, but this crmcore has {API_VERSION}: install a version that fits.",
            state=PluginState.INCOMPATIBLE,
        )
    entry.needs = frozenset(meta.requires)


def _misspelt(plugin: Any) -> Iterator[str]:
    """Methods that were meant as hooks and are none."""
    known = [name for name in vars(specs) if name.startswith("crm_")]
    for name, method in inspect.getmembers(type(plugin), callable):
        options = getattr(method, f"{specs.PROJECT}_impl", None)
        if options is None and not name.startswith("crm_"):
            continue
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            yield f"{name} is no hook" + (f": did you mean {near[0]}?" if near else f"; there are {', '.join(known)}.")
        elif options is None:
            yield f"{name} is not marked with @hookimpl."
        elif options["wrapper"] or options["hookwrapper"]:
            yield f"{name} must be a plain hook: nothing is wrapped round the hooks of others."
        elif inspect.iscoroutinefunction(getattr(specs, name)) != inspect.iscoroutinefunction(method):
            kind = "an async" if inspect.iscoroutinefunction(getattr(specs, name)) else "a plain"
            yield f"{name} must be {kind} function."


def _unfit_checks(meta: Manifest, plugin: Any) -> Iterator[str]:
    hooks = [hook for hook in ("crm_validate", "crm_before_commit") if hasattr(plugin, hook)]
    if hooks and not meta.checks:
        yield f"{hooks[0]} sees records that the manifest names in `checks`: name some, like checks=['Deal']."
    if meta.checks and not hooks:
        yield "checks: there is neither crm_validate nor crm_before_commit to see them."


def _with_its_arguments(impl: pluggy.HookImpl, **given: Any) -> Any:
    """Call an implementation with those of the hook's arguments that it takes."""
    return impl.function(**{name: given[name] for name in (*impl.argnames, *impl.kwargnames) if name in given})


def _listed(entry: _Entry) -> Listed:
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
