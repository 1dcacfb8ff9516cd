"""What changes of a definition need the database for: the checks, and what follows from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import orjson

from crmcore.errors import Duplicate, Invalid, Limit, Policy
from crmcore.kit.sql import Sql, value
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.fields import Uuid
from crmcore.platform.record import Change, Draft, check, effect
from crmcore.records.custom.models import CustomField
from crmcore.records.custom.rules import MOST_FIELDS
from crmcore.records.rows import TENANT, Run

NOT_EXTENSIBLE: Final = frozenset({"custom_field", "external_ref"})
_ID: Final = Uuid()


@check(CustomField)
async def types_are_records(ctx: Context, _tx: Transaction, drafts: Sequence[Draft]) -> None:
    """The types named are types of records, and those of `record_type` take values."""
    for draft in drafts:
        for column, name in (("record_type", "recordType"), ("reference_type", "referenceType")):
            told = draft.after[column]
            if told and (told not in ctx.graph.tables or told in NOT_EXTENSIBLE):
                text = f"{name}: {told!r} is no type of record. Give it as global ids begin: customer, care_plan."
                draft.refuse(Invalid(text, name))
        if (kind := draft.after["record_type"]) in ctx.graph.append_only:
            text = f"recordType: no value could be given to {kind} records, which follow from changes of others."
            draft.refuse(Invalid(text, "recordType"))


@check(CustomField)
async def not_too_many(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> None:
    """A type of record has so many fields that a form can still show them."""
    new = [draft for draft in drafts if draft.operation == "create"]
    if not new:
        return
    living = Counter(d.record_type for d in (await ctx.custom_fields(tx)).every if not d.deleted)
    for draft in new:
        living[draft.after["record_type"]] += 1
        if living[draft.after["record_type"]] > MOST_FIELDS:
            said = f"{draft.after['record_type']} has {MOST_FIELDS} custom fields, and cannot have more."
            draft.refuse(Limit(said, "recordType"))


@check(CustomField)
async def options_stay_in_use(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> None:
    """An option that a record has cannot be taken away."""
    for draft in drafts:
        gone = sorted(set((draft.before or {}).get("options") or ()) - set(draft.after["options"] or ()))
        if not gone:
            continue
        found = await tx.fetch(Sql(
            "SELECT text, count(*) AS n FROM custom_value WHERE tenant_id = ", TENANT, " AND field_id = ",
            value(_ID.to_driver(draft.id, tx.dialect), "uuid"), " AND text IN (", _texts(gone, tx),
            ") GROUP BY text ORDER BY text",
        ), Run(ctx))  # fmt: skip
        if found:
            used = ", ".join(f"{row['text']} ({row['n']})" for row in found)
            draft.refuse(Policy(f"Options in use cannot be taken away: {used}.", "options"))


@check(CustomField)
async def values_are_unique(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> None:
    """A field becomes unique only if its values are."""
    for draft in drafts:
        if draft.before is None or not draft.after["is_unique"] or draft.before["is_unique"]:
            continue
        twice = await tx.fetch(Sql(
            f"SELECT {_held(tx)} AS held FROM custom_value WHERE tenant_id = ", TENANT, " AND field_id = ",
            value(_ID.to_driver(draft.id, tx.dialect), "uuid"), " GROUP BY 1 HAVING count(*) > 1 ORDER BY 1 LIMIT 1",
        ), Run(ctx))  # fmt: skip
        if twice:
            said = f"Several records have the value {twice[0]['held']!r}: change those first."
            draft.refuse(Duplicate(said, "isUnique"))


@effect(CustomField)
async def step_version(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> Sequence[Change]:
    """Let every process read the definitions anew, and let the values of fields that became unique hold their place."""
    for draft in drafts:
        if draft.operation == "update" and draft.changed("is_unique"):
            made = _held(tx) if draft.after["is_unique"] else "NULL"
            await tx.execute(Sql(
                f"UPDATE custom_value SET held = {made} WHERE tenant_id = ", TENANT, " AND field_id = ",
                value(_ID.to_driver(draft.id, tx.dialect), "uuid"),
            ), Run(ctx))  # fmt: skip
    rows = await tx.fetch(Sql(
        "UPDATE tenant SET fields_version = coalesce(fields_version, 0) + 1 WHERE id = ", TENANT,
        " RETURNING fields_version",
    ), Run(ctx))  # fmt: skip
    ctx.custom_fields_changed(int(rows[0]["fields_version"]))
    return ()


def _held(tx: Transaction) -> str:
    """The text by which a value is unique, as `storing.held` makes it."""
    day = "to_char(day, 'YYYY-MM-DD')" if tx.dialect == "postgres" else "day"
    target = "target_id::text" if tx.dialect == "postgres" else "target_id"
    return f"coalesce(text, CAST(number AS TEXT), {day}, {target})"


def _texts(texts: Sequence[str], tx: Transaction) -> Sql:
    given = value(orjson.dumps(texts).decode(), "json")
    function = "json_array_elements_text" if tx.dialect == "postgres" else "json_each"
    return Sql("SELECT value FROM ", function, "(", given, ")")
