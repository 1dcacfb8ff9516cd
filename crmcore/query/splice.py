"""Fields that Python answers: called once for all rows of a selection, their values spliced into the finished JSON.

A batch function gets each record of the page once, however often it appears. What it raises, a wrong number of values
and a function that takes too long make the field null with an error at each place; the rest of the answer stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import orjson
from graphql import GraphQLError, GraphQLList, GraphQLNonNull, GraphQLSchema, is_leaf_type

from crmcore.errors import CrmError, PluginFailed
from crmcore.platform.calling import called
from crmcore.platform.context import Context
from crmcore.query.compile import hidden
from crmcore.query.mapping import BatchField
from crmcore.query.roots import Reading, Ref
from crmcore.query.scope import BatchSpec, Place
from crmcore.query.selection import Selected, object_type

Path = tuple[str | int, ...]
ReadRefs = Callable[[str, Sequence[UUID], Reading], Awaitable[tuple[list[Any], list[GraphQLError]]]]

MASKED: Final = "This field could not be computed."


class Misfit(Exception):
    """What a function answered does not fit; the text says how."""


@dataclass(slots=True)
class _Field:
    """One batch field at work: the rows where they stand in the answer, and the distinct records among them."""

    spec: BatchSpec
    places: list[tuple[dict[str, Any], Path]]
    rows: dict[str, dict[str, Any]]


@dataclass(slots=True)
class _Waiting:
    """A record that a value names, at `key` of `holder`; `path` is where that is in the answer."""

    holder: Any
    key: str | int
    ref: Ref
    path: Path


@dataclass(slots=True)
class Splice:
    """Fills one answer's batch fields. `read_refs` reads records of a type for a selection, in the ids' order."""

    schema: GraphQLSchema
    ctx: Context
    reading: Reading
    seconds: float
    read_refs: ReadRefs
    errors: list[GraphQLError] = field(default_factory=list)

    async def fill(self, answer: bytes, specs: Sequence[BatchSpec]) -> bytes:
        """The answer with the batch fields' values, without the columns that travelled with them."""
        tree = orjson.loads(answer)
        found = [self._collect(tree, spec) for spec in specs]
        for batch in found:
            await self._fill(batch)
        for batch in found:
            names = [hidden(batch.spec.mark, name) for name in ("id", *batch.spec.field.needs)]
            for row, _ in batch.places:
                for name in names:
                    row.pop(name, None)
        return orjson.dumps(tree)

    def _collect(self, tree: Any, spec: BatchSpec) -> _Field:
        id_, columns = hidden(spec.mark, "id"), spec.record.model._meta.fields_map
        places = [(row, path) for row, path in _rows(tree, spec.place, ()) if id_ in row]
        rows: dict[str, dict[str, Any]] = {}
        for row, _ in places:
            key = row[id_]
            if key not in rows:
                needs = {n: _python(columns[n], row[hidden(spec.mark, n)]) for n in spec.field.needs}
                kind = {"record_type": spec.record.table} if spec.field.typed else {}
                rows[key] = {"id": UUID(key), **needs, **kind}
        return _Field(spec, places, rows)

    async def _fill(self, batch: _Field) -> None:
        if not batch.rows:
            return
        values = await self._call(batch)
        name = f"{batch.spec.record.name}.{batch.spec.field.name}"
        type_ = object_type(self.schema, batch.spec.record.name).fields[batch.spec.field.name].type
        for selected in batch.spec.selected:
            waiting: list[_Waiting] = []
            for row, path in batch.places:
                where = (*path, selected.key)
                found = values[row[hidden(batch.spec.mark, "id")]]
                try:
                    if isinstance(found, Exception):
                        raise found
                    row[selected.key] = _complete(type_, found, row, selected.key, where, waiting)
                except Exception as error:  # noqa: BLE001  a value may be of any kind, and only its own place fails
                    row[selected.key] = None
                    self._fail(_blamed(error, batch.spec.field, name), selected, where)
            if waiting:
                await self._records(waiting, selected, batch.spec.place)

    async def _call(self, batch: _Field) -> dict[str, Any]:
        """The function's value for each row, by the row's key; the same exception for all when it fails."""
        field, name = batch.spec.field, f"{batch.spec.record.name}.{batch.spec.field.name}"
        rows = list(batch.rows.values())
        guarded = field.plugin and self.ctx.guard is not None
        try:
            async with asyncio.timeout(None if guarded else self.seconds):  # who guards takes the time
                values = await called(self.ctx, field.plugin, name, lambda: field.function(rows, self.ctx))
            if isinstance(values, str | bytes | Mapping) or not isinstance(values, Sequence):
                raise Misfit(f"a {type(values).__name__}, not a list")
            if len(values) != len(rows):
                raise Misfit(f"{len(values)} values for {len(rows)} rows")
        except Exception as error:  # noqa: BLE001  a plugin's function may raise anything; the page must not be lost
            return dict.fromkeys(batch.rows, _blamed(error, field, name))
        return dict(zip(batch.rows, values))

    async def _records(self, waiting: list[_Waiting], selected: Selected, place: Place) -> None:
        """Complete every record that the values name: one statement for each type of record."""
        steps = tuple(step for step in place if isinstance(step, str))
        for type_ in dict.fromkeys(w.ref.type for w in waiting):
            mine = [w for w in waiting if w.ref.type == type_]
            ids = list(dict.fromkeys(w.ref.id for w in mine))
            listed = GraphQLList(object_type(self.schema, type_))
            reading = Reading(
                self.reading.document, selected.nodes, self.reading.fragments, self.reading.variables,
                (*self.reading.path, *steps, selected.key), listed,
            )  # fmt: skip
            records, errors = await self.read_refs(type_, ids, reading)
            by_id = dict(zip(ids, records))
            for w in mine:
                w.holder[w.key] = by_id[w.ref.id]
            for error in errors:
                self._inner(error, len(reading.path), ids, mine)

    def _inner(self, error: GraphQLError, depth: int, ids: Sequence[UUID], waiting: Sequence[_Waiting]) -> None:
        """An error inside a record belongs to every place where the record stands."""
        number, *rest = (error.path or [])[depth:]
        for w in waiting:
            if w.ref.id == ids[int(number)]:
                path = [*self.reading.path, *w.path, *rest]
                self.errors.append(
                    GraphQLError(error.message, error.nodes, path=path, original_error=error.original_error)
                )

    def _fail(self, error: Exception, selected: Selected, where: Path) -> None:
        message = error.message if isinstance(error, CrmError) else MASKED
        path = [*self.reading.path, *where]
        self.errors.append(GraphQLError(message, list(selected.nodes), path=path, original_error=error))


def _rows(found: Any, place: Place, path: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """The rows at a place below `found`, with their paths. Nulls on the way have none, nor records of other types."""
    if found is None:
        return
    if not place:
        yield found, path
        return
    step, rest = place[0], place[1:]
    if step is None:
        for number, item in enumerate(found):
            yield from _rows(item, rest, (*path, number))
    elif type(step) is int or step in found:
        yield from _rows(found[step], rest, (*path, step))


def _python(column: Any, held: Any) -> Any:
    return column.from_driver(held) if hasattr(column, "from_driver") else held


def _complete(type_: Any, found: Any, holder: Any, key: str | int, path: Path, waiting: list[_Waiting]) -> Any:
    """A value in the form of the field's type. Records are noted in `waiting` and put in later."""
    if isinstance(type_, GraphQLNonNull):
        made = _complete(type_.of_type, found, holder, key, path, waiting)
        if made is None:
            raise ValueError("null in a list without nulls")
        return made
    if found is None:
        return None
    if isinstance(type_, GraphQLList):
        made_list: list[Any] = []
        for number, item in enumerate(found):
            made_list.append(None)
            made_list[number] = _complete(type_.of_type, item, made_list, number, (*path, number), waiting)
        return made_list
    if isinstance(found, Ref):
        waiting.append(_Waiting(holder, key, found, path))
        return ()
    if is_leaf_type(type_):
        made_leaf = type_.coerce_output_value(found)
        orjson.dumps(made_leaf)  # what cannot be written must not take the page with it
        return made_leaf
    raise TypeError(f"a field of type {type_} is answered with Ref, not {type(found).__name__}")


def _blamed(error: Exception, field: BatchField, name: str) -> Exception:
    """The error; a plugin's says whose it is, and what was wrong with the answer."""
    if not field.plugin or isinstance(error, CrmError):
        return error
    said = {Misfit: f"it answered {error}", GraphQLError: f"its answer does not fit: {error}"}
    why = said.get(type(error), "it took too long" if isinstance(error, TimeoutError) else "")
    blamed = PluginFailed(field.plugin, name, why)
    blamed.__cause__ = error
    return blamed
