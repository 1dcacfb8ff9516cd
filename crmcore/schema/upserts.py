"""Upserts: a record is created unless one is there already, found by what the client says tells it apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphql import GraphQLResolveInfo

from crmcore.errors import Invalid
from crmcore.kit.text import article
from crmcore.query import RecordType
from crmcore.records import IfDeleted, Match, OnConflict, Upsert, WriteOutcome
from crmcore.schema.batches import answer_batch, batch_arguments, batch_field
from crmcore.schema.errors import user_error
from crmcore.schema.roots import RootField
from crmcore.schema.shapes import Argument, Shapes, argument, listed, optional, shaped
from crmcore.schema.writing import Payload, Writing


def upsert_mutations(writing: Writing, shapes: Shapes, record: RecordType) -> list[RootField]:
    """`customerUpsert` and `customersUpsert`."""
    matches = writing.matches(record)
    said = f"What tells a {record.name} apart."
    shapes.names(_keys(record), said, {name: match.said for name, match in matches.items()}, plugin=record.plugin)
    return [_single(writing, shapes, record, matches), _batch(writing, shapes, record, matches)]


def _single(writing: Writing, shapes: Shapes, record: RecordType, matches: Mapping[str, Match]) -> RootField:
    async def resolve(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
        if not given["matchOn"]:
            info.context.refused = True
            return {record.root: None, "outcome": WriteOutcome.REFUSED, "errors": [_nothing_to_match(record)]}
        read = _reader(writing, record, matches, given)
        return await writing.one(info.context, record, read(given["input"], "input"))

    said = (
        f"Create {article(record.name)}, or change the one that is there: fields left out stay as they are. Parts that "
        "are there already are changed, the others are added."
    )
    new = argument("input", shapes[f"{record.name}CreateInput"], f"The {record.name} as it is to be.")
    arguments = [new, *_arguments(shapes, record)]
    payload = optional(shapes[f"{record.name}Payload"])
    made = shaped(f"{record.root}Upsert", payload, said, arguments=arguments, plugin=record.plugin)
    return RootField(made, resolve)


def _batch(writing: Writing, shapes: Shapes, record: RecordType, matches: Mapping[str, Match]) -> RootField:
    async def resolve(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
        if not given["matchOn"]:
            info.context.refused = True
            return {"results": [], "errors": [_nothing_to_match(record)]}
        read = _reader(writing, record, matches, given)
        return await answer_batch(writing, info, record, read, given)

    said = (
        f"Upsert up to 1,000 {record.name} records, each as {record.root}Upsert does. An item finds what one before it "
        "has created."
    )
    items, mode = batch_arguments(shapes, shapes[f"{record.name}CreateInput"])
    return batch_field(shapes, record, "Upsert", said, [items, *_arguments(shapes, record), mode], resolve)


def _keys(record: RecordType) -> str:
    return f"{record.name}MatchKey"


def _arguments(shapes: Shapes, record: RecordType) -> list[Argument]:
    said = "What tells the record apart: one that has any of these in common with the input is the one that is meant."
    return [
        argument("matchOn", listed(shapes[_keys(record)]), said),
        argument("onConflict", optional(shapes["OnConflict"]), "What to do if it is there; UPDATE unless given."),
        argument("ifDeleted", optional(shapes["IfDeleted"]), "What to do if it is deleted; FAIL unless given."),
    ]


def _reader(
    writing: Writing, record: RecordType, matches: Mapping[str, Match], given: Mapping[str, Any]
) -> Callable[..., Upsert]:
    """What makes an upsert of an item and its path."""
    create = writing.of[record.written].create
    wanted = [matches[name] for name in dict.fromkeys(given["matchOn"])]
    on_conflict = given.get("onConflict") or OnConflict.UPDATE
    if_deleted = given.get("ifDeleted") or IfDeleted.FAIL
    return lambda sent, *path: Upsert(create(sent, *path), wanted, on_conflict, if_deleted)


def _nothing_to_match(record: RecordType) -> Any:
    return user_error(Invalid("matchOn must name what tells the record apart."), ["matchOn"], record.table)


__all__ = ["upsert_mutations"]
