"""The plugins of one app: found, checked and asked for their share. Whatever one does wrong, the app goes on.

Nothing here is global: an app makes its own `Plugins`, and every plugin's class is instantiated for that app.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import pluggy

from crmcore.platform.metadata import App
from crmcore.plugins import specs
from crmcore.plugins.contribution import Contribution, absolute, contribution, faults
from crmcore.plugins.discovery import Candidate, installed
from crmcore.plugins.entry import Entry, listed, read, said
from crmcore.plugins.manifest import Manifest, accepts
from crmcore.plugins.marks import misspelt, unfit_checks
from crmcore.plugins.projects import found_in
from crmcore.plugins.settings import PluginSettings
from crmcore.plugins.states import BAD, WORDS, Listed, PluginFault, PluginsFailed, PluginState
from crmcore.settings import Settings

T = TypeVar("T")
logger = logging.getLogger(__name__)


class Plugins:
    """Every plugin that was found, in the order in which they load: what they require first, then by id."""

    def __init__(
        self,
        found: Iterable[Candidate] = (),
        *,
        only: Collection[str] | None = None,
        disabled: Collection[str] | Mapping[str, str] = (),
        any_api: Collection[str] = (),
        strict: bool = False,
    ) -> None:
        """All are ids. `disabled` may say why; those in `any_api` are loaded though their `api` does not fit."""
        self._strict = strict
        self._any_api = any_api
        self._left_out: dict[str, tuple[PluginState, tuple[str, ...]]] = {}
        self._hooks = pluggy.PluginManager(specs.PROJECT)
        self._hooks.add_hookspecs(specs)
        self._entries: dict[str, Entry] = {}
        self._doubles: list[Entry] = []
        for candidate in sorted(found, key=lambda c: (c.id, c.source)):
            off = candidate.id in disabled or (only is not None and candidate.id not in only)
            self._import(
                candidate, off=off, why=disabled.get(candidate.id, "") if isinstance(disabled, Mapping) else ""
            )
        self._found = dict(self._entries)
        for entry in self._in_order():
            self._guarded(entry, self._load)
        self._stop_if_strict()

    @classmethod
    def discover(
        cls, settings: Settings, off: Mapping[str, str] | None = None, *, strict: bool | None = None
    ) -> Plugins:
        """The installed plugins and those in `plugin_paths`, without those that are `off`, for which it says why.
        PluginsFailed when one fails and the settings (or `strict`) say so."""
        found = [*installed(), *found_in(*settings.plugin_paths)] if settings.plugins_enabled else []
        said = "The settings leave it out (plugins_disable)."
        return cls(
            found,
            only=settings.plugins_allow or None,
            disabled={**(off or {}), **dict.fromkeys(settings.plugins_disable, said)},
            any_api=settings.plugins_any_api,
            strict=settings.plugins_strict if strict is None else strict,
        )

    def listing(self) -> list[Listed]:
        """All plugins by id, whatever became of them."""
        entries = sorted([*self._entries.values(), *self._doubles], key=lambda e: (e.found.id, e.found.source))
        return [listed(entry) for entry in entries]

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

    def drop(self, plugin: str, *problems: str, state: PluginState = PluginState.FAILED) -> None:
        """Take a loaded plugin out, and with it the plugins that require it."""
        self._drop(plugin, state, problems)
        self._stop_if_strict()

    def leave_out(self, out: Mapping[str, PluginFault]) -> None:
        """Take plugins out for what the database says of them, with those that require them. Who was left out so before
        and is not named now is back: several apps may share this object, one after the other."""
        for plugin, (state, problems) in self._left_out.items():
            self._entries[plugin].state, self._entries[plugin].problems = state, problems
        self._left_out = {e.found.id: (e.state, e.problems) for e in self._entries.values()}
        for plugin, fault in out.items():
            if plugin in self._entries and self._entries[plugin].state == PluginState.LOADED:
                self._drop(plugin, fault.state, fault.problems)
        self._left_out = {id: was for id, was in self._left_out.items() if self._entries[id].state != was[0]}
        self._stop_if_strict()

    def _drop(self, plugin: str, state: PluginState, problems: tuple[str, ...]) -> None:
        entry = self._entries[plugin]
        entry.state, entry.problems = state, problems
        for other in self._entries.values():
            if plugin in other.needs and other.state == PluginState.LOADED:
                self._drop(other.found.id, PluginState.FAILED, (f"requires {plugin}, which {WORDS[state]}.",))

    def app_of(self, plugin: str) -> App | None:
        """The tables of a plugin whose manifest could be read, whatever became of it; None if it has none."""
        entry = self._entries.get(plugin)
        if entry is None or entry.meta is None or not entry.meta.models:
            return None
        package = entry.cls.__module__
        return App(
            plugin, tuple(absolute(m, package) for m in entry.meta.models), absolute(entry.meta.migrations, package)
        )

    def manifest(self, plugin: str) -> Manifest | None:
        """What a plugin says about itself, whatever became of it; None if that could not be read."""
        return self._entries[plugin].meta if plugin in self._entries else None

    def requiring(self, plugin: str) -> list[str]:
        """The plugins that are loaded and require this one."""
        return sorted(id for id, e in self._entries.items() if plugin in e.needs and e.state == PluginState.LOADED)

    def _import(self, found: Candidate, *, off: bool, why: str) -> None:
        """Note a plugin and, unless it is off, import its class and read its manifest."""
        entry = Entry(found, any_api=found.id in self._any_api)
        if (first := self._entries.get(found.id)) is not None:
            entry.problems = (f"{first.found.source} is a plugin called {found.id} already.",)
            self._doubles.append(entry)
            return
        self._entries[found.id] = entry
        if off:
            entry.state, entry.problems = PluginState.DISABLED, (why,) if why else ()
        else:
            entry.state = PluginState.LOADED
            self._guarded(entry, read)

    def _guarded(self, entry: Entry, step: Callable[[Entry], None]) -> None:
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

    def _in_order(self) -> Iterator[Entry]:
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

    def _load(self, entry: Entry) -> None:
        """Make the app's instance, register its hooks, ask for its share and check it."""
        meta = entry.meta
        assert meta is not None
        self._check_requires(meta)
        self._check_conflicts(meta)
        plugin = entry.cls()
        self._register(meta.id, plugin)
        try:
            if problems := tuple(unfit_checks(meta, plugin)):
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

    def _check_conflicts(self, meta: Manifest) -> None:
        """Of two that cannot live together, the one that says so goes."""
        found = [(other, versions, self._found.get(other)) for other, versions in sorted(meta.conflicts.items())]
        problems = tuple(
            f"cannot live with {other} {there.meta.version}, which is installed too: disable one of them."
            for other, versions, there in found
            if there and there.meta and there.state == PluginState.LOADED and accepts(versions, there.meta.version)
        )
        if problems:
            raise PluginFault(*problems)

    def _register(self, id: str, plugin: Any) -> None:
        problems = tuple(misspelt(plugin))
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
        bad = [e for e in self.listing() if e.state in BAD]
        if self._strict and bad:
            lines = [f"  {e.id} ({e.source}): {problem}" for e in bad for problem in e.problems]
            raise PluginsFailed(
                "Plugins do not load, and plugins_strict is on. Repair, disable or remove them:\n" + "\n".join(lines)
            )


def _with_its_arguments(impl: pluggy.HookImpl, **given: Any) -> Any:
    """Call an implementation with those of the hook's arguments that it takes."""
    return impl.function(**{name: given[name] for name in (*impl.argnames, *impl.kwargnames) if name in given})
