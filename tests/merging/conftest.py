"""Two companies that are one: everything that can name a customer, twice."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from crmcore.domain.activities import Direction, Interaction, InteractionKind, Task
from crmcore.domain.care import CarePlan, Touchpoint
from crmcore.domain.cases import Case
from crmcore.domain.contacts import Contact, ContactLink
from crmcore.domain.customers import Address, ContactPoint, Customer
from crmcore.domain.deals import Deal, Order, Pipeline, Stage
from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql
from crmcore.platform.context import Context
from crmcore.platform.tables import columns_of
from crmcore.records import Create, Delete, write
from tests.records.conftest import NOW, ctx, facts, graph, read

__all__ = ["NOW", "ctx", "facts", "graph", "read"]

LEFT_OUT = {"version", "updated_at", "updated_by_kind", "updated_by_id"}
NOT_COMPARED = {"event", "merge_record", "merged_row", "search_entry", "custom_value", "external_ref"}


async def everything(ctx: Context, *, but: frozenset[str] = frozenset()) -> dict[str, list[dict[str, Any]]]:
    """Every row of every record, versions and stamps apart; external references without their stamps too."""
    found = {}
    for table, model in ctx.graph.tables.items():
        if table in NOT_COMPARED or table in but:
            continue
        listed = ", ".join(f'"{c}"' for c in columns_of(model) if c not in LEFT_OUT)
        found[table] = [dict(row) for row in await ctx.db.fetch(Sql(f'SELECT {listed} FROM "{table}" ORDER BY id'))]
    refs = "SELECT system, external_id, record_type, record_id FROM external_ref WHERE deleted_at IS NULL ORDER BY 1, 2"
    found["external_ref"] = [dict(row) for row in await ctx.db.fetch(Sql(refs))]
    values = "SELECT record_id, field_id, text, target_id, held FROM custom_value ORDER BY record_id, field_id"
    found["custom_value"] = [dict(row) for row in await ctx.db.fetch(Sql(values))]
    return found


async def pipeline(ctx: Context) -> dict[str, UUID]:
    """A pipeline with one stage, as a deal names them."""
    own, stage = new_id(), new_id()
    await write(
        ctx,
        [
            Create(Pipeline, {"name": "Sales", "is_default": True}, id=own),
            Create(Stage, {"pipeline_id": own, "name": "New", "position": 1}, id=stage),
        ],
    )
    return {"pipeline_id": own, "stage_id": stage}


async def company(ctx: Context, name: str, where: dict[str, UUID], **values: Any) -> dict[str, UUID]:
    """A customer with one of everything that names it, a deleted address among it."""
    key = {
        word: new_id()
        for word in ("customer", "contact", "link", "email", "phone", "address", "gone", "deal", "order", "case", "task",
                     "call", "plan", "touch", "child")
    }  # fmt: skip
    of = {"customer_id": key["customer"]}
    await write(
        ctx,
        [
            Create(Customer, {"name": name, **values}, id=key["customer"], external_refs=[("erp", name)]),
            Create(Contact, {"last_name": f"Ms {name}"}, id=key["contact"]),
            Create(ContactLink, {**of, "contact_id": key["contact"], "is_primary": True}, id=key["link"]),
            Create(ContactPoint, {**of, "type": "EMAIL", "value": "info@acme.com", "is_primary": True}, id=key["email"]),
            Create(ContactPoint, {**of, "type": "PHONE", "value": f"+49 30 {len(name)}00000"}, id=key["phone"]),
            Create(Address, {**of, "city": name}, id=key["address"]),
            Create(Address, {**of, "city": f"Old {name}"}, id=key["gone"]),
            Create(Deal, {**of, **where, "name": f"Deal of {name}"}, id=key["deal"]),
            Create(Order, {**of, "number": f"O-{name}", "currency": "EUR", "status": "PLACED", "placed_at": NOW},
                   id=key["order"]),
            Create(Case, {**of, "subject": f"Case of {name}", "contact_id": key["contact"]}, id=key["case"]),
            Create(Task, {**of, "subject": f"Call {name}"}, id=key["task"]),
            Create(Interaction, {**of, "kind": InteractionKind.CALL, "direction": Direction.IN, "at": NOW,
                                 "contact_id": key["contact"]}, id=key["call"]),
            Create(CarePlan, {**of, "name": "Care", "starts_on": NOW.date()}, id=key["plan"]),
            Create(Touchpoint, {"care_plan_id": key["plan"], "planned_on": NOW.date(), "occasion": "BIRTHDAY"},
                   id=key["touch"]),
            Create(Customer, {"name": f"Child of {name}", "parent_id": key["customer"]}, id=key["child"]),
        ],
    )  # fmt: skip
    await write(ctx, [Delete(Address, key["gone"])])
    return key


@pytest.fixture
async def where(ctx: Context) -> dict[str, UUID]:
    return await pipeline(ctx)
