"""Writing the next migration of an app: what its models say now against what its migrations made.

Columns are written in their stored form (`fields.stored`): a migration must not depend on an enum or a default that the
code may drop later.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Any, Final

from tortoise.connection import ConnectionHandler
from tortoise.fields.relational import ForeignKeyFieldInstance
from tortoise.migrations.operations import AddField, AddIndex, CreateModel, Operation
from tortoise.migrations.schema_generator.operation_generator import OperationGenerator
from tortoise.migrations.schema_generator.state import ModelState, State
from tortoise.migrations.schema_generator.state_apps import StateApps
from tortoise.migrations.writer import ImportManager, MigrationWriter, _render_call, format_migration_name
from tortoise.models import Model

from crmcore.errors import ConfigError
from crmcore.platform.fields import Choice, ChoiceList, Folded, Json, Text
from crmcore.platform.metadata import App, load_models
from crmcore.platform.migrate.graph import Graph, Key, load
from crmcore.platform.tables import indexes_of

_CORE: Final = "core"
_OWN: Final = re.compile(r"^from crmcore\.platform\.(?:fields|tables) import", re.MULTILINE)
_DOOR: Final = "from crmcore.plugins import"
"""Where a plugin finds columns and indexes: its migrations import nothing but what its other modules may."""


async def make_migration(apps: Sequence[App], label: str, name: str = "") -> Path | None:
    """Write the next migration of one app and answer its file; None when nothing has changed.

    `apps` is always all of them. The text is not formatted: run the formatter over it, and read it.
    """
    app = next((app for app in apps if app.label == label), None)
    if app is None:
        raise ConfigError(f"There is no app {label!r}. There are: {', '.join(a.label for a in apps)}.")
    graph = load(apps)
    operations = await changes(apps, label, graph)
    if not operations:
        return None
    mine = graph.of(label)
    number = int(mine[-1].name[:4]) + 1 if mine else 1
    writer = _Writer(
        format_migration_name(number, name or ("initial" if not mine else "change")),
        label,
        operations,
        dependencies=_dependencies(graph, label, operations),
        initial=True if not mine else None,
        migrations_module=app.migrations,
    )
    path = writer.path()
    text = writer.as_string()
    if label != _CORE:
        text = _OWN.sub(_DOOR, text)
    path.write_text(text, encoding="utf-8")
    return path


async def changes(apps: Sequence[App], label: str, graph: Graph | None = None) -> list[Operation]:
    """The operations that an app's migrations lack; none when models and migrations agree."""
    graph = graph or load(apps)
    old = await graph.state(frozenset(graph.order))
    new = State(models={}, apps=StateApps(connections=ConnectionHandler()))
    for app, models in (await load_models(apps)).items():
        for model in models.values():
            new.models[app, model.__name__] = _state_of(app, model)
    return list(_in_order(OperationGenerator(old, new).generate(app_labels=[label]), label))


def _state_of(app: str, model: type[Model]) -> ModelState:
    state = ModelState.make_from_model(app, model)
    state.bases = (Model,)
    state.fields = {name: stored(field) for name, field in state.fields.items()}
    state.options["indexes"] = indexes_of(model)
    state.options.pop("table_description", None)  # a docstring, which the database need not know
    return state


def stored(field: Any) -> Any:
    """A column without what the database does not know of it."""
    if isinstance(field, Choice | Folded):
        return _like(Text(field.max_length), field)
    if isinstance(field, ChoiceList):
        return _like(Json(), field)
    field = copy(field)
    field.default = None
    return field


def _like(plain: Any, field: Any) -> Any:
    for name in ("null", "unique", "index", "pk", "source_field", "model_field_name", "model", "db_default"):
        setattr(plain, name, getattr(field, name))
    return plain


def _in_order(operations: Sequence[Operation], app: str) -> Sequence[Operation]:
    """Tables after those they name. In a ring of foreign keys, one that may be null is added afterwards."""
    waiting = {op.name: op for op in operations if isinstance(op, CreateModel)}
    ordered: list[Operation] = []
    later: list[Operation] = []
    while waiting:
        needs = {name: _needs(op, app) & waiting.keys() - {name} for name, op in waiting.items()}
        name = min((n for n in needs if not needs[n]), default=None)
        if name is None:
            name = _cut_at(waiting, needs, app)
            later += _cut(waiting[name], _naming(waiting[name], needs[name], app))
        ordered.append(waiting.pop(name))
    return [*ordered, *later, *(op for op in operations if not isinstance(op, CreateModel))]


def _needs(operation: CreateModel, app: str) -> set[str]:
    keys = [str(f.model_name).split(".") for _, f in operation.fields if isinstance(f, ForeignKeyFieldInstance)]
    return {name for label, name in keys if label == app}


def _in_ring(start: str, needs: dict[str, set[str]]) -> bool:
    seen: set[str] = set()
    todo = list(needs[start])
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.extend(needs[name])
    return start in seen


def _cut_at(waiting: dict[str, CreateModel], needs: dict[str, set[str]], app: str) -> str:
    """The model of a ring that can do without the others for a while, with the fewest foreign keys added later."""
    able = [
        (len(needs[name]), name)
        for name in needs
        if _in_ring(name, needs) and all(field.null for _, field in _naming(waiting[name], needs[name], app))
    ]
    if not able:
        raise ConfigError(f"A ring of foreign keys that may not be null joins {', '.join(sorted(waiting))}.")
    return min(able)[1]


def _naming(operation: CreateModel, names: set[str], app: str) -> list[tuple[str, Any]]:
    """The foreign keys that name these models."""
    wanted = {f"{app}.{name}" for name in names}
    keys = [(n, f) for n, f in operation.fields if isinstance(f, ForeignKeyFieldInstance)]
    return [(name, field) for name, field in keys if str(field.model_name) in wanted]


def _cut(operation: CreateModel, cut: list[tuple[str, Any]]) -> list[Operation]:
    """Take these foreign keys out of the creation; they are to be added when the models exist."""
    gone = {name for name, _ in cut}
    columns = {field.source_field for _, field in cut}
    operation.fields = [(n, f) for n, f in operation.fields if n not in gone]
    options = dict(operation.options or {})
    indexes = options.get("indexes", [])
    options["indexes"] = [index for index in indexes if not columns & set(index.fields)]
    operation.options = options
    return [
        *(AddField(operation.name, name, field) for name, field in cut),
        *(AddIndex(operation.name, index) for index in indexes if columns & set(index.fields)),
    ]


def _dependencies(graph: Graph, label: str, operations: Sequence[Operation]) -> list[tuple[str, str]]:
    """The app's own last migration, and the last one of every app that a new foreign key names."""
    fields = [f for op in operations if isinstance(op, CreateModel) for _, f in op.fields]
    fields += [field for op in operations if (field := getattr(op, "field", None)) is not None]
    named = {str(f.model_name).split(".")[0] for f in fields if isinstance(f, ForeignKeyFieldInstance)}
    last: list[Key] = [graph.of(app)[-1] for app in sorted(named | {label}) if graph.of(app)]
    return [(key.app, key.name) for key in last]


class _Writer(MigrationWriter):
    """Tortoise's writer without the arguments that say nothing."""

    def _render_field(self, field: Any, imports: ImportManager) -> str:
        path, args, kwargs = field.deconstruct()
        for noise in ("encoder", "decoder", "auto_now", "auto_now_add", "db_constraint"):
            kwargs.pop(noise, None)
        if kwargs.get("to_field") == "id":
            del kwargs["to_field"]
        if kwargs.get("primary_key"):
            kwargs = {name: v for name, v in kwargs.items() if name not in ("unique", "db_index")}
        return _render_call(path, args, kwargs, imports)

    def _format_create_model(self, operation: CreateModel, imports: ImportManager, *, indent: str) -> list[str]:
        plain = copy(operation)
        plain.bases = None
        plain.options = {k: v for k, v in (operation.options or {}).items() if k not in ("app", "pk_attr") and v}
        return super()._format_create_model(plain, imports, indent=indent)
