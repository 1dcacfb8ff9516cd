"""What a plugin adds, and the rules that keep it apart from the core and from every other plugin."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from crmcore.kit.text import camel, pascal
from crmcore.platform.metadata import App
from crmcore.platform.record import Record
from crmcore.plugins.commands import Command
from crmcore.plugins.jobs import Job
from crmcore.plugins.manifest import Manifest
from crmcore.plugins.web import Route, overlapping
from crmcore.query.declare import Declaration, Extension

FUNCTIONS: Final = ("__crm_root__", "__crm_output__", "__crm_input__", "__crm_inputs__")
"""How the schema marks root fields, the types that they need, and inputs of others' records."""

_INPUTS: Final = "__crm_inputs__"


@dataclass(frozen=True, slots=True)
class Contribution:
    """One plugin's share of an app: its tables, and what it puts into the graph, all marked with its id.

    `actions` and `functions` (root fields and the types that they need) neither declare a record nor extend one; what
    they mean is the schema's business.
    `checks` are the types of records whose changes it sees.
    """

    plugin: str
    app: App | None = None
    records: tuple[Declaration, ...] = ()
    extensions: tuple[Extension, ...] = ()
    actions: tuple[type, ...] = ()
    jobs: tuple[Job, ...] = ()
    routes: tuple[Route, ...] = ()
    commands: tuple[Command, ...] = ()
    functions: tuple[type, ...] = ()
    checks: tuple[str, ...] = ()


def contribution(meta: Manifest, package: str, classes: Iterable[Any]) -> Contribution:
    """The share of a plugin whose hook answered with `classes`. TypeError for one that is no declaration."""
    records, extensions, actions, functions = [], [], [], []
    for cls in classes:
        if isinstance(declared := cls.__dict__.get("__crm_record__"), Declaration):
            records.append(replace(declared, plugin=meta.id))
        elif isinstance(extending := cls.__dict__.get("__crm_extension__"), Extension):
            extensions.append(replace(extending, plugin=meta.id))
        elif "__crm_action__" in cls.__dict__:
            actions.append(cls)
        elif any(mark in cls.__dict__ for mark in FUNCTIONS):
            functions.append(cls)
        else:
            raise TypeError(
                f"crm_graph: {cls.__qualname__} has none of @record, @extend and @action, nor another mark."
            )
    app = App(
        meta.id,
        tuple(absolute(name, package) for name in meta.models),
        absolute(meta.migrations, package),
    )
    tables = app if meta.models else None
    return Contribution(
        meta.id,
        tables,
        tuple(records),
        tuple(extensions),
        tuple(actions),
        functions=tuple(functions),
        checks=tuple(meta.checks),
    )


def absolute(module: str, package: str) -> str:
    """`.models` of package `crmcore_surveys` is `crmcore_surveys.models`."""
    return f"{package}{module}" if module.startswith(".") else module


def faults(share: Contribution) -> Iterator[str]:
    """What in a share could collide with somebody else's now or later, or reaches for what is not the plugin's."""
    yield from _names(share)
    yield from _offers(share)
    if share.app is not None:
        models = [model for name in share.app.models for model in _models(name)]
        for model in models:
            yield from _table(share.plugin, model)
        yield from _migrations(share.app, any(_keys_to_core(model) for model in models))
        foreign = [d for d in share.records if d.model not in models]
    else:
        foreign = list(share.records)
    for declared in foreign:
        yield f"{declared.name}: its model {declared.model.__name__} is in none of the manifest's models."


def _names(share: Contribution) -> Iterator[str]:
    types, fields = pascal(share.plugin), camel(share.plugin)
    named = [cls for cls in share.functions if _INPUTS not in cls.__dict__]
    for name in (*(d.name for d in share.records), *(cls.__name__ for cls in (*share.actions, *named))):
        if not _begins(name, types):
            yield f"{name}: the names of its types, actions and root fields begin with {types}, like {types}Thing."
    for extension in share.extensions:
        for attribute in extension.specs:
            if not _begins(camel(attribute), fields):
                place = f"{extension.target}.{camel(attribute)}"
                yield f"{place}: a field on another's record begins with {fields}, like {fields}Thing."
    for cls in share.functions:
        if _INPUTS in cls.__dict__:
            for attribute in inspect.get_annotations(cls):
                if not _begins(camel(attribute), fields):
                    yield f"{cls.__qualname__}.{attribute}: an input of another's record begins with {share.plugin}_."


def _offers(share: Contribution) -> Iterator[str]:
    for kind, offered in ((Job, share.jobs), (Route, share.routes), (Command, share.commands)):
        given: Sequence[Any] = offered
        for one in given:
            if isinstance(one, kind):
                yield from one.faults()
            else:
                yield f"crm_{kind.__name__.lower()}s: {one!r} is no {kind.__name__}."
        names = [name for one in offered if (name := getattr(one, "name", None))]
        for name in {name for name in names if names.count(name) > 1}:
            yield f"crm_{kind.__name__.lower()}s: {name} is there twice."
    if all(type(route) is Route for route in share.routes):
        yield from overlapping(share.routes)


def _begins(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and name[len(prefix) : len(prefix) + 1].isupper()


def _models(module_name: str) -> Sequence[type[Any]]:
    """The models that a module declares; those it imports belong to others."""
    module = importlib.import_module(module_name)
    found = (value for value in vars(module).values() if isinstance(value, type) and hasattr(value, "_meta"))
    return [model for model in found if model.__module__ == module_name and not model._meta.abstract]


def _table(plugin: str, model: type[Any]) -> Iterator[str]:
    name, table = model.__name__, model._meta.db_table
    if not issubclass(model, Record):
        yield f"{name}: a model is a Record, so that tenancy, versions and history hold for it."
    if not table.startswith(f"{plugin}_"):
        yield f"{name}: its table {table!r} must begin with {plugin}_ (class Meta: table = ...)."
    for key in sorted(model._meta.fk_fields | model._meta.o2o_fields | model._meta.m2m_fields):
        if getattr(model._meta.fields_map[key], "related_name", None) is not False:
            yield f"{name}.{key}: declare it with reference(), which leaves the other model as it is."


def _keys_to_core(model: type[Any]) -> bool:
    return any(model._meta.fields_map[key].model_name.startswith("core.") for key in model._meta.fk_fields)


def _migrations(app: App, needs_core: bool) -> Iterator[str]:
    """A migration that leans on the core names the core's migration: `__latest__` would break a second plugin.

    Before the first one is written there is nothing to say.
    """
    package = importlib.import_module(app.migrations)
    modules = [
        importlib.import_module(f"{app.migrations}.{found.name}") for found in pkgutil.iter_modules(package.__path__)
    ]
    needed: list[tuple[str, str]] = [pair for module in modules for pair in module.Migration.dependencies]
    for label, name in needed:
        if name.startswith("__"):
            yield f"{app.migrations}: name the migration of {label} that it needs, not {name}."
    if modules and needs_core and not any(label == "core" for label, _ in needed):
        yield f"{app.migrations}: its tables refer to the core's, so its first migration depends on one of core."
