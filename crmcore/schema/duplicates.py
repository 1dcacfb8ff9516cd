"""Duplicates in the graph: who may be the same as a record, and the pairs that are proposed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from graphql import GraphQLResolveInfo

from crmcore.errors import BadInput
from crmcore.kit.emails import normal_email
from crmcore.kit.phones import normal_phone
from crmcore.kit.text import article, camel
from crmcore.platform.context import Context
from crmcore.query import FreeData, RecordType, Ref, Registry, expression, field, record
from crmcore.records import duplicates as models
from crmcore.records.duplicates import Profile, find_duplicates, profiles
from crmcore.schema.actions import action, arg
from crmcore.schema.merges import global_id
from crmcore.schema.roots import RootField
from crmcore.schema.scalars import ID, record_key
from crmcore.schema.shapes import Field, Shapes, argument, listed, optional, shaped

_FIRST, _MOST, _LEAST = 10, 50, Decimal("0.5")


@record(models.DuplicatePair, writes=())
class DuplicatePair:
    """Two records that may be the same, for somebody who sees the whole tenant to look at."""

    record_type: str = field("The type of the two, as global ids begin: customer, contact.")
    first: str = expression(global_id("first_id"), "Global id of the first.")
    second: str = expression(global_id("second_id"), "Global id of the second.")
    score: Decimal = field("How sure we are, from 0 to 1.")
    reasons: FreeData = field("What speaks for and against it: kind, value and weight, as in DuplicateReason.")
    status: models.PairStatus = field("What became of it.")
    note: str | None = field("What was said to it.")


@action(models.DuplicatePair, models.dismiss_pair)
class DuplicatePairDismiss:
    """Say that two records are not the same. The pair is not proposed again."""

    note: str | None = arg("Why they are not.")


@action(models.DuplicatePair, models.merge_pair)
class DuplicatePairMerge:
    """Merge one record of a pair into the other, which keeps its own values and is given those that it lacks.
    customerMerge, contactMerge and their sisters can do more."""

    keep: models.PairSide = arg("Which of the two survives.")
    note: str | None = arg("Why they are the same; kept with the merge.")


def make_duplicates(shapes: Shapes) -> None:
    """`DuplicateReason` and its kinds."""
    shapes.choice(models.ReasonKind)
    shapes.object(
        "DuplicateReason",
        "One thing that speaks for two records being the same, or against it.",
        lambda: [
            shaped("kind", shapes["ReasonKind"], "What it is."),
            shaped("value", str, "The address, number or name."),
            shaped("weight", Decimal, "How much it counts, from -1 to 1. Each leaves only a part of the doubt."),
        ],
    )


def duplicate_roots(registry: Registry, shapes: Shapes) -> list[RootField]:
    """`customerDuplicates` and its sisters, of records that declare by what they are compared."""
    records = (record for record in registry.records.values() if not record.is_log)
    return [_Duplicates(shapes, record).root() for record in records if record.written.special.likeness is not None]


class _Duplicates:
    """The root field of one kind of record."""

    def __init__(self, shapes: Shapes, record: RecordType) -> None:
        self.shapes, self.record = shapes, record
        how = models.likeness_of(record.written)
        self.names = {camel(column): column for column in how.names}
        self.numbers = {camel(column): column for column in how.numbers}

    def root(self) -> RootField:
        record, shapes, name = self.record, self.shapes, self.record.name
        shapes.input(
            f"{name}DuplicatesInput",
            f"What is known of {article(name)} that may be there already.",
            self._input,
            plugin=record.plugin,
        )
        shapes.object(
            f"{name}Duplicate",
            f"{article(name).capitalize()} that may be the same, and why.",
            lambda: [
                shaped(record.root, optional(shapes[name]), f"The {name}."),
                shaped("score", Decimal, "How sure we are, from 0 to 1."),
                shaped("reasons", listed(shapes["DuplicateReason"]), "What speaks for and against it."),
            ],
            plugin=record.plugin,
        )
        arguments = [
            argument("id", optional(ID), f"Who may be the same as this {name}."),
            argument("data", optional(shapes[f"{name}DuplicatesInput"]), "Who may be the same as what is known here."),
            argument("minScore", optional(Decimal), f"Only those of which we are so sure; {_LEAST} unless given."),
            argument("first", optional(int), f"How many, the likeliest first: {_FIRST} unless given, at most {_MOST}."),
        ]
        said = (
            f"The {name} records that may be the same as one that you name by id, or as what you know of one that you "
            "are about to create: give either. You are shown those that you may see."
        )
        kind = optional(listed(shapes[f"{name}Duplicate"]))
        field = shaped(f"{record.root}Duplicates", kind, said, arguments=arguments, plugin=record.plugin)
        return RootField(field, self._resolve)

    def _input(self) -> list[Field]:
        said = {"emails": "Its email addresses.", "phones": "Its phone numbers."}
        own = [
            shaped(name, optional(str), self.record.fields[name].description) for name in (*self.names, *self.numbers)
        ]
        return [*own, *(shaped(name, optional(listed(str)), text) for name, text in said.items())]

    async def _resolve(self, _source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> list[dict[str, Any]]:
        ctx: Context = info.context.ctx
        first = _FIRST if given.get("first") is None else given["first"]
        if not 1 <= first <= _MOST:
            raise BadInput(f"first must be from 1 to {_MOST}.", "first")
        profile, but = await self._profile(ctx, given)
        least = _LEAST if given.get("minScore") is None else given["minScore"]
        found = await find_duplicates(ctx, self.record.written, profile, but=but, least=float(least))
        return [
            {
                self.record.root: Ref(self.record.name, one.id), "score": Decimal(str(one.score)),
                "reasons": [{**r.to_json(), "kind": r.kind, "weight": Decimal(str(r.weight))} for r in one.reasons],
            }
            for one in found[:first]
        ]  # fmt: skip

    async def _profile(self, ctx: Context, given: Mapping[str, Any]) -> tuple[Profile, list[UUID]]:
        data, id = given.get("data"), given.get("id")
        if (data is None) == (id is None):
            raise BadInput("Give either id or data.", "id")
        if id is not None:
            key = record_key(id, self.record.table, "id")
            there = await profiles(ctx, self.record.written, [key])
            return there.get(key, Profile()), [key]
        assert data is not None
        names = tuple(text for name in self.names if (text := (data.get(name) or "").strip()))
        numbers = tuple(text for name in self.numbers if (text := (data.get(name) or "").strip()))
        return Profile(names, numbers, _normal(data, "emails"), _normal(data, "phones")), []


def _normal(data: Mapping[str, Any], name: str) -> frozenset[str]:
    normal = normal_email if name == "emails" else normal_phone
    found = set()
    for number, text in enumerate(data.get(name) or ()):
        try:
            found.add(normal(text))
        except ValueError as error:
            raise BadInput(f"{name} {error}.", "data", name, str(number)) from None
    return frozenset(found)
