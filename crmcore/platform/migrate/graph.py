"""The migrations of all apps: what depends on what, and what is to be done to get from here to there."""

from __future__ import annotations

import heapq
import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from tortoise.connection import ConnectionHandler
from tortoise.migrations.migration import Migration
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.schema_generator.state_apps import StateApps

from crmcore.errors import ConfigError
from crmcore.platform.metadata import App

_MODELS: Final[Any] = importlib.import_module("tortoise.models")
_FILTERS: Final = _MODELS.get_filters_for_field


class NewerDatabase(ConfigError):
    """The database has a migration that is not installed."""


class Key(NamedTuple):
    """A migration: its app and its file's name."""

    app: str
    name: str

    def __str__(self) -> str:
        return f"{self.app}.{self.name}"


@dataclass(frozen=True, slots=True)
class Step:
    """One migration to apply, or (`back`) to take back."""

    key: Key
    back: bool = False


@dataclass(frozen=True, slots=True)
class Graph:
    """`order` is one in which they can be applied: parents first, then the order of the apps, then the names."""

    migrations: dict[Key, Migration]
    parents: dict[Key, frozenset[Key]]
    order: tuple[Key, ...]

    def of(self, app: str) -> list[Key]:
        """An app's migrations in order."""
        return [key for key in self.order if key.app == app]

    def known(self, applied: Iterable[Key]) -> set[Key]:
        """Those of `applied` that belong to the apps at hand. ConfigError for one that its app no longer has."""
        apps = {key.app for key in self.order}
        mine = {key for key in applied if key.app in apps}
        lost = sorted(mine - self.migrations.keys())
        if lost:
            raise NewerDatabase(
                f"The database has the migration {lost[0]}, which is not installed: it belongs to a newer version."
            )
        return mine

    def forward(self, applied: Set[Key], targets: Iterable[Key] | None = None) -> list[Step]:
        """What is missing: everything, or what the targets need."""
        wanted = set(self.order) if targets is None else self._closure(targets, self.parents)
        return [Step(key) for key in self.order if key in wanted and key not in applied]

    def leaning(self, key: Key) -> set[Key]:
        """A migration, and all that depend on it."""
        return self._closure([key], self._children())

    def _children(self) -> dict[Key, set[Key]]:
        children: dict[Key, set[Key]] = {key: set() for key in self.order}
        for key, parents in self.parents.items():
            for parent in parents:
                children[parent].add(key)
        return children

    def towards(self, applied: Set[Key], app: str, name: str | None) -> list[Step]:
        """To exactly this migration of an app, None being before its first. What depends on what goes, goes too."""
        names = [key.name for key in self.of(app)]
        if not names or (name is not None and name not in names):
            known = ", ".join(names) or "none"
            raise ConfigError(f"The app {app!r} has no migration {name!r}. It has: {known}.")
        if name is not None and Key(app, name) not in applied:
            return self.forward(applied, [Key(app, name)])
        later = names if name is None else names[names.index(name) + 1 :]
        gone = self._closure([Key(app, n) for n in later], self._children())
        return [Step(key, back=True) for key in reversed(self.order) if key in gone and key in applied]

    async def state(self, keys: Set[Key]) -> State:
        """The models as they are after these migrations, in order."""
        state = _nothing()
        with without_filters():
            for key in self.order:
                if key in keys:
                    await self.migrations[key].apply(state, dry_run=True)
        return state

    async def states_before(self, wanted: Set[Key], applied: Set[Key]) -> dict[Key, State]:
        """The models as they were before each of the wanted migrations, in one walk through those that are applied."""
        state, found = _nothing(), dict[Key, State]()
        with without_filters():
            for key in self.order:
                if key in wanted:
                    found[key] = state.clone()
                if key in applied:
                    await self.migrations[key].apply(state, dry_run=True)
        return found

    @staticmethod
    def _closure(start: Iterable[Key], edges: dict[Key, frozenset[Key]] | dict[Key, set[Key]]) -> set[Key]:
        seen: set[Key] = set()
        todo = list(start)
        while todo:
            key = todo.pop()
            if key not in seen:
                seen.add(key)
                todo.extend(edges[key])
        return seen


def _nothing() -> State:
    return State(models={}, apps=StateApps(connections=ConnectionHandler()))


@contextmanager
def without_filters() -> Iterator[None]:
    """In the block Tortoise makes no filters for the models of migrations: that is most of the time which these take,
    and nobody queries through them."""
    _MODELS.get_filters_for_field = lambda *_args, **_kwargs: {}
    try:
        yield
    finally:  # what it was at first: two runs of one process may overlap
        _MODELS.get_filters_for_field = _FILTERS


def load(apps: Sequence[App]) -> Graph:
    """The migrations of these apps, all of them: a part would not know what it stands on."""
    migrations = {key: found for app in apps for key, found in _of_app(app)}
    parents = {key: frozenset(_parents(key, found, migrations)) for key, found in migrations.items()}
    return Graph(migrations, parents, _order(parents, [app.label for app in apps]))


def _of_app(app: App) -> Iterable[tuple[Key, Migration]]:
    try:
        package = importlib.import_module(app.migrations)
    except ModuleNotFoundError as error:
        raise ConfigError(f"The app {app.label!r} has no migrations package {app.migrations!r}: {error}.") from error
    names = [module.name for module in pkgutil.iter_modules(package.__path__) if module.name[0] not in "_~"]
    for name in sorted(names):
        module = importlib.import_module(f"{app.migrations}.{name}")
        if not hasattr(module, "Migration"):
            raise ConfigError(f"{app.migrations}.{name} has no class Migration.")
        yield Key(app.label, name), module.Migration(name, app.label)


def _parents(key: Key, migration: Migration, known: dict[Key, Migration]) -> Iterable[Key]:
    for app, name in migration.dependencies:
        names = sorted(k.name for k in known if k.app == app)
        special = {"__first__": names[:1], "__latest__": names[-1:]}
        found = special.get(name, [name])
        if not found or Key(app, found[0]) not in known:
            raise ConfigError(f"The migration {key} depends on {app}.{name}, which is not installed.")
        if app != key.app or name not in special:
            yield Key(app, found[0])


def _order(parents: dict[Key, frozenset[Key]], apps: list[str]) -> tuple[Key, ...]:
    waiting = {key: set(found) for key, found in parents.items()}
    ready = [(apps.index(key.app), key.name, key) for key, found in waiting.items() if not found]
    heapq.heapify(ready)
    order: list[Key] = []
    while ready:
        key = heapq.heappop(ready)[2]
        order.append(key)
        for child, found in waiting.items():
            if key in found:
                found.discard(key)
                if not found:
                    heapq.heappush(ready, (apps.index(child.app), child.name, child))
    if len(order) < len(parents):
        ring = ", ".join(str(key) for key in sorted(parents.keys() - set(order)))
        raise ConfigError(f"Migrations depend on each other in a ring: {ring}.")
    return tuple(order)
