"""graphql-core's executor, taught one thing: whatever ends in records is read by the read engine.

A resolver that returns a `Root`, a `Ref` or `Refs` asks for records; the engine answers the whole selection below it
with one statement of finished JSON, which goes out untouched. Everything else runs as graphql-core always does it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

import orjson
from graphql import (
    GraphQLError,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    get_named_type,
    is_non_null_type,
)
from graphql.execution import Executor
from graphql.pyutils import Path

from crmcore.errors import BadInput
from crmcore.query import Completed, Reading, Ref, Refs, Registry, Root
from crmcore.schema.alone import all_given
from crmcore.schema.enclosing import Controls, Mutation, controls_of, tell
from crmcore.schema.resolving import Each, EngineRoot, OneOf, Results, Run, SomeOf


class CrmExecutor(Executor[Any]):
    """Completes values that the engine has finished, and asks it for records."""

    def execute_field(
        self, parent_type: GraphQLObjectType, source: Any, field_details_list: Any, path: Path, position_context: Any
    ) -> Any:
        """The engine's roots are read at once. graphql-core would coerce their arguments first, which the engine does
        again; all that coercing can refuse in a valid document is a variable that is null or not given."""
        node = field_details_list[0].node
        if parent_type is self.schema.mutation_type:
            plain = partial(super().execute_field, parent_type, source, field_details_list, path, position_context)
            try:
                tell(self.context_value.ctx, node, self.variable_values.coerced)
            except BadInput as error:
                self.handle_field_error(error, parent_type.fields[node.name.value].type, field_details_list, path)
                return None
            controls = controls_of(node, self.variable_values.coerced, self.context_value.idempotency_key)
            return plain() if controls is None else self._controlled(plain, controls, field_details_list, path)
        field = parent_type.fields.get(node.name.value)
        given = all_given(self.variable_values.coerced, self.operation)
        if field is None or not isinstance(field.resolve, EngineRoot) or not given:
            return super().execute_field(parent_type, source, field_details_list, path, position_context)
        said = f"{parent_type}.{node.name.value}"
        return self._root_field(field.type, field_details_list, said, path, field.resolve.root)

    async def _controlled(self, plain: Callable[[], Any], controls: Controls, details: Any, path: Path) -> Any:
        """A mutation that is only tried, or done once."""
        run: Run = self.context_value
        run.refused = False
        number, run.mutations = run.mutations, run.mutations + 1
        nodes = [detail.node for detail in details]
        variables, errors = self.variable_values.coerced, self.collected_errors.errors
        mutation = Mutation(
            run.ctx,
            run.keys,
            number,
            self.operation,
            nodes,
            self.fragment_definitions,
            variables,
            plain,
            lambda: run.refused,
            errors,
        )
        try:
            return await mutation.run(controls)
        except Exception as error:  # noqa: BLE001  whatever it is becomes the field's error, as graphql-core does it
            assert self.schema.mutation_type is not None
            field = self.schema.mutation_type.fields[nodes[0].name.value]
            self.handle_field_error(error, field.type, details, path)
            return None

    async def _root_field(
        self, return_type: GraphQLOutputType, details: Any, said: str, path: Path, root: Root
    ) -> orjson.Fragment | None:
        try:
            return await self._read(return_type, details, said, path, root)
        except Exception as error:  # noqa: BLE001  whatever it is becomes the field's error, as graphql-core does it
            self.handle_field_error(error, return_type, details, path)
            return None

    def complete_value(
        self,
        return_type: GraphQLOutputType,
        field_details_list: Any,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Records are caught before NonNull is unwrapped: an awaitable would pass its null check unseen."""
        if isinstance(result, orjson.Fragment):
            return result
        if isinstance(result, Results):
            return self._results(return_type, field_details_list, info, path, result)
        if isinstance(result, OneOf):
            return self._one_of(return_type, field_details_list, path, result)
        if isinstance(result, SomeOf):
            return self._some_of(return_type, field_details_list, path, result)
        if isinstance(result, Root | Ref | Refs):
            said = f"{info.parent_type}.{info.field_name}"
            return self._read(return_type, field_details_list, said, path, result)
        return super().complete_value(return_type, field_details_list, info, path, result, position_context)

    async def _one_of(self, return_type: GraphQLOutputType, details: Any, path: Path, one: OneOf) -> Any:
        records, errors = await self._read_all(one.each, return_type, details, path)
        self._place(errors, path, {one.number: []})
        return records[one.number]

    async def _some_of(self, return_type: GraphQLOutputType, details: Any, path: Path, some: SomeOf) -> Any:
        one: Any = get_named_type(return_type)
        records, errors = await self._read_all(some.each, one, details, path)
        seen = [number for number in some.numbers if records[number] is not None]
        self._place(errors, path, {number: [place] for place, number in enumerate(seen)})
        return [records[number] for number in seen]

    async def _read_all(
        self, each: Each, one: GraphQLOutputType, details: Any, path: Path
    ) -> tuple[list[Any], list[GraphQLError]]:
        """All records of a place, read with the first of them."""
        place = tuple(step for step in path.as_list() if isinstance(step, str))
        async with each.reading:
            if place not in each.read:
                done = await self._reading(GraphQLList(one), details, path, Root("mixed"), each.keys)
                each.read[place] = orjson.loads(done.json or b"[]"), done.errors
        return each.read[place]

    def _place(self, errors: Sequence[GraphQLError], path: Path, places: Mapping[int, list[int]]) -> None:
        """Errors in records that stand at these places below the path, by their numbers among all."""
        above = path.as_list()
        for error in errors:
            number, *below = (error.path or [])[len(above) :]
            if isinstance(number, int) and number in places:
                at = [*above, *places[number], *below]
                held = GraphQLError(error.message, error.nodes, path=at, original_error=error.original_error)
                self.collected_errors.errors.append(held)

    async def _results(
        self, return_type: GraphQLOutputType, details: Any, info: GraphQLResolveInfo[Any], path: Path, results: Results
    ) -> list[dict[str, Any]]:
        """A batch's payloads, field by field: the records of each field are read by one statement."""
        kind = get_named_type(return_type)
        assert isinstance(kind, GraphQLObjectType)
        fields = self.collect_subfields(kind, details).grouped_field_set
        rows: list[dict[str, Any]] = [dict.fromkeys(fields) for _ in results]
        for key, field_details in fields.items():
            name = field_details[0].node.name.value
            values = [kind.name if name == "__typename" else result[name] for result in results]
            refs = {number: value for number, value in enumerate(values) if isinstance(value, Ref)}
            if refs:
                found = await self._read_each(kind.fields[name].type, field_details, path, key, refs)
                for number, record in found.items():
                    rows[number][key] = record
                continue
            for number, value in enumerate(values):
                if value:
                    place = Path(Path(path, number, None), key, kind.name)
                    made = self.complete_value(kind.fields[name].type, field_details, info, place, value, None)
                    rows[number][key] = made
                else:
                    rows[number][key] = value
        return rows

    async def _read_each(
        self, return_type: GraphQLOutputType, details: Any, path: Path, key: str, refs: Mapping[int, Ref]
    ) -> Mapping[int, Any]:
        """The records of these results, by their numbers."""
        run: Run = self.context_value
        first = next(iter(refs.values()))
        root = Root("refs", run.registry.records[first.type], first.deleted)
        above = path.as_list()
        reading = Reading(
            document=run.document,
            nodes=[detail.node for detail in details],
            fragments=self.fragment_definitions,
            variables=self.variable_values.coerced,
            path=(*above, key),
            return_type=return_type,
        )
        done = await run.engine.read(run.ctx, root, reading, [ref.id for ref in refs.values()])
        numbers = list(refs)
        for error in done.errors:
            number, *below = (error.path or [])[len(above) + 1 :]
            error.path = [*above, numbers[int(number)], key, *below]
            self.collected_errors.errors.append(error)
        assert done.json is not None
        return dict(zip(numbers, orjson.loads(done.json)))

    def _read(
        self, return_type: GraphQLOutputType, details: Any, said: str, path: Path, wanted: Any
    ) -> Awaitable[orjson.Fragment | None]:
        root, ids = _root(self.context_value.registry, wanted)
        return self._finish(self._reading(return_type, details, path, root, ids), return_type, said)

    def _reading(
        self, return_type: GraphQLOutputType, details: Any, path: Path, root: Root, ids: Sequence[Any]
    ) -> Awaitable[Completed]:
        run: Run = self.context_value
        reading = Reading(
            document=run.document,
            nodes=[detail.node for detail in details],
            fragments=self.fragment_definitions,
            variables=self.variable_values.coerced,
            path=tuple(path.as_list()),
            return_type=return_type,
        )
        return run.engine.read(run.ctx, root, reading, ids)

    async def _finish(
        self, reading: Awaitable[Completed], return_type: GraphQLOutputType, said: str
    ) -> orjson.Fragment | None:
        done = await reading
        self.collected_errors.errors.extend(done.errors)
        if done.json is not None:
            return orjson.Fragment(done.json)
        if is_non_null_type(return_type):
            raise TypeError(f"Cannot return null for non-nullable field {said}.")
        return None


def _root(registry: Registry, wanted: Root | Ref | Refs) -> tuple[Root, Any]:
    if isinstance(wanted, Ref):
        return Root("ref", registry.records[wanted.type], wanted.deleted), (wanted.id,)
    if isinstance(wanted, Refs):
        return Root("refs", registry.records[wanted.type]), wanted.ids
    return wanted, ()
