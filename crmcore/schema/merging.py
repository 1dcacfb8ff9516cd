"""The mutations of records that can be merged: `customerMerge`, `customerUnmerge` and their sisters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from graphql import GraphQLResolveInfo

from crmcore.errors import Invalid, Refusal, Refusals
from crmcore.kit.ids import to_global
from crmcore.kit.text import camel
from crmcore.platform.context import Context
from crmcore.query import FreeData, RecordType, Ref, Registry
from crmcore.query.mapping import ColumnField, FieldMap, MoneyField, OneField
from crmcore.query.vocabulary import enum_name
from crmcore.records import FieldOutcome, Merged, merge, unmerge
from crmcore.records.merging import mergeable
from crmcore.records.shape import shape_of
from crmcore.schema.errors import user_errors
from crmcore.schema.mutations import identity_arguments
from crmcore.schema.owners import names_of_fields
from crmcore.schema.roots import RootField
from crmcore.schema.scalars import ID, record_key
from crmcore.schema.shapes import Field, Shapes, argument, listed, optional, shaped
from crmcore.schema.writing import Payload


def make_merging(shapes: Shapes) -> None:
    """The types that say what a merge did, the same for all records."""
    shapes.object(
        "MergeFieldValue",
        "What one of the merged records had in a field.",
        lambda: [
            shaped("id", ID, "Global id of the record."),
            shaped("value", optional(FreeData), "Its value, as the API writes values of such fields."),
        ],
    )
    shapes.object(
        "MergeFieldOutcome",
        "A field in which the merged records differ, and what the survivor has there.",
        lambda: [
            shaped("field", str, "The field, or the key of a custom field."),
            shaped("isCustom", bool, "Whether it is a custom field."),
            shaped("value", optional(FreeData), "The survivor's value after the merge."),
            shaped("fromId", ID, "Global id of the record whose value it is."),
            shaped("isConflict", bool, "Whether another value was given up for it. Use choose to take that one."),
            shaped("values", listed(shapes["MergeFieldValue"]), "What each record had, as far as it had something."),
        ],
    )
    shapes.object(
        "MergeRelationOutcome",
        "What became of the rows of one kind that name the merged records.",
        lambda: [
            shaped("recordType", str, "The type of the rows, as global ids begin: deal, contact_link."),
            shaped("field", str, "The field by which they name the record, or the key of a custom field."),
            shaped("moved", int, "How many name the survivor now; after an undoing, their own record again."),
            shaped("setAside", int, "How many were deleted or lost a mark: the survivor has the same already."),
            shaped("stayed", int, "Of an undoing: how many were left alone, because somebody changed them since."),
        ],
    )
    _make_outcomes(shapes)


def _make_outcomes(shapes: Shapes) -> None:
    def both() -> list[Field]:
        return [
            shaped("mergeRecord", optional(shapes["MergeRecord"]), "What is kept of the merge."),
            shaped(
                "relations", listed(shapes["MergeRelationOutcome"]), "What became of the rows that name the records."
            ),
        ]

    shapes.object(
        "MergeOutcome",
        "What a merge did.",
        lambda: [
            *both(),
            shaped("fields", listed(shapes["MergeFieldOutcome"]), "The fields in which the records differ."),
        ],
    )
    shapes.object(
        "UnmergeOutcome",
        "What the undoing of a merge did.",
        lambda: [
            *both(),
            shaped("restoredIds", listed(ID), "Global ids of the records that live again."),
            shaped("keptFields", listed(str), "Fields of the survivor that stayed: somebody changed them since."),
        ],
    )


def merge_mutations(registry: Registry, shapes: Shapes, record: RecordType) -> list[RootField]:
    """`customerMerge` and `customerUnmerge`, of records that can be merged."""
    if record.is_log or record.written.special.merging is None:
        return []
    mutations = _Mutations(registry, shapes, record)
    return [mutations.merge(), mutations.unmerge()]


class _Mutations:
    """The two mutations of one record."""

    def __init__(self, registry: Registry, shapes: Shapes, record: RecordType) -> None:
        self.registry, self.shapes, self.record = registry, shapes, record
        self.columns = _columns(record)
        self.names = {columns[0]: name for name, columns in self.columns.items()}
        self.paths = dict.fromkeys(shape_of(record.written).columns, ("choose",))

    def merge(self) -> RootField:
        record, shapes, name = self.record, self.shapes, self.record.name
        self._make_input()
        self._make_payload("Merge")
        arguments = [argument("input", shapes[f"{name}MergeInput"], "Who becomes whom.")]
        arguments.append(argument("expectedVersion", optional(int), "The version of the survivor that you read."))
        said = (
            f"Make several {name} records one. Everything that names the others names the survivor afterwards; they "
            f"are deleted and lead to it by mergedInto. {record.root}Unmerge undoes it; dryRun shows what it would do."
        )
        return RootField(self._field("Merge", said, arguments), self._resolve_merge)

    def unmerge(self) -> RootField:
        self._make_payload("Unmerge")
        key, version = identity_arguments(self.registry.records["MergeRecord"])
        said = (
            f"Undo a merge of {self.record.name} records: the merged ones live again, and what came from them goes "
            "back, as far as nobody changed it since."
        )
        return RootField(self._field("Unmerge", said, [key, version]), self._resolve_unmerge)

    def _field(self, verb: str, said: str, arguments: Sequence[Any]) -> Field:
        payload = optional(self.shapes[f"{self.record.name}{verb}Payload"])
        return shaped(f"{self.record.root}{verb}", payload, said, arguments=list(arguments), plugin=self.record.plugin)

    def _make_input(self) -> None:
        record, shapes, name = self.record, self.shapes, self.record.name
        fields = {enum_name(field): record.fields[field] for field in self.columns}
        said = f"The fields whose value a merge of {name} records may choose."
        names_of_fields(shapes, record, f"{name}MergeField", said, fields)
        shapes.input(
            f"{name}MergeChoice",
            "Whose value the survivor is to have. Give either field or customField.",
            lambda: [
                shaped("field", optional(shapes[f"{name}MergeField"]), "The field."),
                shaped("customField", optional(str), "The key of a field that you defined."),
                shaped("fromId", ID, "Global id of the record whose value it is: the survivor or one of the others."),
            ],
            plugin=record.plugin,
        )
        shapes.input(
            f"{name}MergeInput",
            f"Which {name} records become one. Where nothing is chosen, the survivor keeps its own values and is given "
            "those that it lacks.",
            lambda: [
                shaped("survivorId", ID, f"Global id of the {name} that stays."),
                shaped("otherIds", listed(ID), "Global ids of those that are merged into it; at most 100."),
                shaped("choose", optional(listed(shapes[f"{name}MergeChoice"])), "Whose values to take."),
                shaped("reason", optional(str), "Why they are the same; kept with the merge."),
            ],
            plugin=record.plugin,
        )

    def _make_payload(self, verb: str) -> None:
        record, shapes = self.record, self.shapes
        did = "merge" if verb == "Merge" else "undoing"
        shapes.object(
            f"{record.name}{verb}Payload",
            f"The survivor as it is now and what the {did} did, or the errors that say why nothing was done.",
            lambda: [
                shaped(record.root, optional(shapes[record.name]), "The survivor now; null if it was refused."),
                shaped("outcome", optional(shapes[f"{verb}Outcome"]), f"What the {did} did; null if it was refused."),
                shaped("errors", listed(shapes["UserError"]), "Empty if it was done."),
            ],
            plugin=record.plugin,
        )

    async def _resolve_merge(self, _source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
        sent, table = given["input"], self.record.table
        survivor = record_key(sent["survivorId"], table, "input", "survivorId")
        others = [record_key(one, table, "input", "otherIds", str(n)) for n, one in enumerate(sent["otherIds"])]

        async def run(ctx: Context) -> Payload:
            columns, slots = await self._choices(ctx, sent.get("choose") or ())
            done = await merge(
                ctx, self.record.written, survivor, others, columns=columns, slots=slots, reason=sent.get("reason"),
                expected_version=given.get("expectedVersion"),
            )  # fmt: skip
            keys = await self._custom_keys(ctx)
            return self._done(done, keys, fields=[self._field_outcome(one, keys) for one in done.fields])

        return await self._answer(info, run)

    async def _resolve_unmerge(self, _source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
        key = record_key(given["id"], self.registry.records["MergeRecord"].table, "id")

        async def run(ctx: Context) -> Payload:
            done = await unmerge(ctx, key, model=self.record.written, expected_version=given.get("expectedVersion"))
            restored = [to_global(self.record.table, one) for one in done.merged]
            keys = await self._custom_keys(ctx)
            return self._done(done, keys, restoredIds=restored, keptFields=list(done.kept_fields))

        return await self._answer(info, run)

    async def _answer(self, info: GraphQLResolveInfo[Any], run: Callable[[Context], Awaitable[Payload]]) -> Payload:
        try:
            return await run(info.context.ctx)
        except (Refusal, Refusals) as refused:
            takes = info.parent_type.fields[info.field_name].args
            info.context.refused = True
            errors = user_errors(refused, self.paths, self.record.table, takes)
            return {self.record.root: None, "outcome": None, "errors": errors}

    async def _choices(
        self, ctx: Context, sent: Sequence[Mapping[str, Any]]
    ) -> tuple[dict[str, UUID], dict[str, UUID]]:
        """Whose columns and whose custom fields were chosen."""
        columns: dict[str, UUID] = {}
        slots: dict[str, UUID] = {}
        by_enum = {enum_name(name): found for name, found in self.columns.items()}
        for number, one in enumerate(sent):
            source = record_key(one["fromId"], self.record.table, "input", "choose", str(number), "fromId")
            key = one.get("customField")
            if (one.get("field") is None) == (key is None):
                raise Invalid("Give either field or customField.", "choose", str(number))
            if key is None:
                columns |= dict.fromkeys(by_enum[one["field"]], source)
            elif definition := (await ctx.custom_fields()).find(self.record.table, key):
                slots[definition.slot] = source
            else:
                raise Invalid(f"There is no custom field {key!r}.", "choose", str(number), "customField")
        return columns, slots

    async def _custom_keys(self, ctx: Context) -> dict[str, str]:
        return {definition.slot: definition.key for definition in (await ctx.custom_fields()).every}

    def _done(self, done: Merged, keys: Mapping[str, str], **more: Any) -> Payload:
        relations = [
            {
                "recordType": one.record_type, "field": self._field_name(one.record_type, one.field, keys),
                "moved": one.moved, "setAside": one.set_aside, "stayed": one.stayed,
            }
            for one in done.relations
        ]  # fmt: skip
        outcome = {"mergeRecord": Ref("MergeRecord", done.merge_id), "relations": relations, **more}
        return {self.record.root: Ref(self.record.name, done.survivor_id), "outcome": outcome, "errors": []}

    def _field_name(self, table: str, name: str, keys: Mapping[str, str]) -> str:
        known = self.registry.by_table.get(table)
        by_column = (
            {c: found for found, columns in _columns(known).items() for c in columns}
            if known and not known.is_log
            else {}
        )
        return keys.get(name) or by_column.get(name) or name

    def _field_outcome(self, one: FieldOutcome, keys: Mapping[str, str]) -> Payload:
        show = partial(self._shown, one)
        return {
            "field": keys.get(one.name, one.name) if one.custom else self.names.get(one.name, camel(one.name)),
            "isCustom": one.custom,
            "value": show(one.value),
            "fromId": to_global(self.record.table, one.source),
            "isConflict": one.conflict,
            "values": [{"id": to_global(self.record.table, key), "value": show(value)} for key, value in one.values],
        }

    def _shown(self, one: FieldOutcome, value: Any) -> Any:
        """The value in the API's form."""
        if one.custom or value is None:
            return value
        shape = shape_of(self.record.written)
        key = shape.keys.get(one.name)
        return to_global(shape_of(key.target).table, value) if key else shape.columns[one.name].to_event(value)


def _columns(record: RecordType) -> dict[str, tuple[str, ...]]:
    """The fields that have columns which clients may write, with them: an amount has a currency too."""
    found = {name: _columns_of(field) for name, field in record.fields.items() if field.writable == "always"}
    known = mergeable(record.written) if record.written.special.merging else None
    return {n: c for n, c in found.items() if c and (known is None or known.issuperset(c))}


def _columns_of(field: FieldMap) -> tuple[str, ...]:
    if isinstance(field, MoneyField):
        return (field.column, field.currency_column) if isinstance(field.amount, ColumnField) else ()
    return (field.column,) if isinstance(field, ColumnField | OneField) else ()


__all__ = ["make_merging", "merge_mutations"]
