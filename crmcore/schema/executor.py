"""graphql-core's executor, taught one thing: whatever ends in records is read by the read engine.

A resolver that returns a `Root`, a `Ref` or `Refs` asks for records; the engine answers the whole selection below it
with one statement of finished JSON, which goes out untouched. Everything else runs as graphql-core always does it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLOutputType, GraphQLResolveInfo, is_non_null_type
from graphql.execution import Executor
from graphql.pyutils import Path

from crmcore.platform.context import Context
from crmcore.query import Completed, ReadEngine, Reading, Ref, Refs, Registry, Root


@dataclass(slots=True)
class Run:
    """One run of one operation: what a resolver finds in `info.context`."""

    ctx: Context
    engine: ReadEngine
    registry: Registry
    document: Hashable
    plugins: Callable[[], Sequence[Any]] = tuple


class CrmExecutor(Executor[Any]):
    """Completes values that the engine has finished, and asks it for records."""

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
        if isinstance(result, Root | Ref | Refs):
            return self._read(return_type, field_details_list, info, path, result)
        return super().complete_value(return_type, field_details_list, info, path, result, position_context)

    def _read(
        self, return_type: GraphQLOutputType, details: Any, info: GraphQLResolveInfo[Any], path: Path, wanted: Any
    ) -> Awaitable[orjson.Fragment | None]:
        run: Run = self.context_value
        root, ids = _root(run.registry, wanted)
        reading = Reading(
            document=run.document,
            nodes=[detail.node for detail in details],
            fragments=self.fragment_definitions,
            variables=self.variable_values.coerced,
            path=tuple(path.as_list()),
            return_type=return_type,
        )
        return self._finish(run.engine.read(run.ctx, root, reading, ids), return_type, info, path)

    async def _finish(
        self, reading: Awaitable[Completed], return_type: GraphQLOutputType, info: GraphQLResolveInfo[Any], path: Path
    ) -> orjson.Fragment | None:
        done = await reading
        self.collected_errors.errors.extend(done.errors)
        if done.json is not None:
            return orjson.Fragment(done.json)
        if is_non_null_type(return_type):
            raise TypeError(f"Cannot return null for non-nullable field {info.parent_type}.{info.field_name}.")
        return None


def _root(registry: Registry, wanted: Root | Ref | Refs) -> tuple[Root, Any]:
    if isinstance(wanted, Ref):
        return Root("ref", registry.records[wanted.type]), (wanted.id,)
    if isinstance(wanted, Refs):
        return Root("refs", registry.records[wanted.type]), wanted.ids
    return wanted, ()


__all__ = ["CrmExecutor", "Run"]
