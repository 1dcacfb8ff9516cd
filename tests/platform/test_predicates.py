"""Who sees which rows: owners, teams, parents, children, both databases."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from crmcore.domain.contacts.models import Contact, ContactLink
from crmcore.domain.customers.models import Address, Customer
from crmcore.domain.people.models import Team
from crmcore.kit import times
from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql, join, render, value
from crmcore.migrations import CORE
from crmcore.platform.access import Actor, ActorKind, Policy, Reach
from crmcore.platform.database import Database, Transaction
from crmcore.platform.metadata import load_models
from crmcore.platform.predicates import predicate

ME, OTHER = new_id(), new_id()
MY_TEAM, OTHER_TEAM = new_id(), new_id()


async def put(tx: Transaction, model: type, tenant: UUID, **values: Any) -> UUID:
    """A row as it is in the table, with what the database insists on."""
    row: dict[str, Any] = {
        "id": new_id(), "tenant_id": tenant, "version": 1, "created_at": times.now(), "updated_at": times.now(),
        "created_by_kind": ActorKind.SYSTEM, "updated_by_kind": ActorKind.SYSTEM, **values,
    }  # fmt: skip
    for name, field in model._meta.fields_map.items():
        if name in model._meta.fields_db_projection and name not in row and not field.null:
            row[name] = (
                field.default() if callable(field.default) else field.default if field.default is not None else ""
            )
    binds = [value(model._meta.fields_map[name].to_driver(v, tx.dialect)) for name, v in row.items()]
    names = ", ".join(f'"{name}"' for name in row)
    await tx.execute(Sql(f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES (', join(", ", binds), ")"))
    return row["id"]


@pytest.fixture
async def rows(db: Database, tenant: UUID) -> dict[str, UUID]:
    await load_models([CORE])
    found: dict[str, UUID] = {}
    async with db.transaction() as tx:
        if tx.dialect == "postgres":
            await tx.execute(
                Sql("SET LOCAL session_replication_role = replica")
            )  # owners and teams need not exist here
        else:
            await tx.execute(Sql("PRAGMA defer_foreign_keys = ON"))
        for key in (MY_TEAM, OTHER_TEAM):
            await put(tx, Team, tenant, id=key, name="T", name_folded=str(key))
        from crmcore.domain.people.models import User

        for key in (ME, OTHER):
            await put(tx, User, tenant, id=key, name="U", email=str(key), email_folded=str(key))
        for name, owner, team, more in (
            ("mine", ME, OTHER_TEAM, {}),
            ("team's", OTHER, MY_TEAM, {}),
            ("theirs", OTHER, OTHER_TEAM, {}),
            ("nobody's", None, None, {}),
            ("deleted", ME, MY_TEAM, {"deleted_at": times.now()}),
        ):
            found[name] = await put(tx, Customer, tenant, name=name, owner_id=owner, team_id=team, **more)
        found["foreign"] = await put(tx, Customer, new_id(), name="foreign", owner_id=ME, team_id=MY_TEAM)
        for name in ("mine", "team's", "theirs"):
            contact = await put(tx, Contact, tenant, name=f"contact of {name}")
            await put(tx, ContactLink, tenant, customer_id=found[name], contact_id=contact)
            await put(tx, Address, tenant, contact_id=contact, city=f"contact of {name}")
            await put(tx, Address, tenant, customer_id=found[name], city=f"customer {name}")
        unlinked = await put(tx, Contact, tenant, name="former contact of mine")
        await put(tx, ContactLink, tenant, customer_id=found["mine"], contact_id=unlinked, deleted_at=times.now())
    return found


async def seen(db: Database, policy: Policy, model: type, column: str) -> set[str]:
    table = model._meta.db_table
    guard = predicate(policy, model, "x", db.dialect)
    tree = Sql(f'SELECT x."{column}" AS what FROM "{table}" x WHERE ', guard)
    run = SimpleNamespace(context=SimpleNamespace(policy=policy))
    return {row["what"] for row in await db.fetch(render(tree, db.dialect), run)}


@pytest.mark.parametrize(
    "reach, names",
    [
        (Reach.TENANT, {"mine", "team's", "theirs", "nobody's"}),
        (Reach.TEAM, {"mine", "team's"}),
        (Reach.OWN, {"mine"}),
    ],
)
async def test_reach(db: Database, tenant: UUID, rows: dict[str, UUID], reach: Reach, names: set[str]):
    policy = Policy(tenant, Actor(ActorKind.USER, ME, ME, MY_TEAM), reach)
    assert await seen(db, policy, Customer, "name") == names
    linked = names - {"nobody's"}
    contacts = {f"contact of {name}" for name in linked}
    former = {"former contact of mine"} if reach is Reach.TENANT else set()
    assert await seen(db, policy, Contact, "name") == contacts | former
    assert len(await seen(db, policy, ContactLink, "id")) == len(linked)
    assert await seen(db, policy, Address, "city") == contacts | {f"customer {name}" for name in linked}
    assert len(await seen(db, policy, Team, "id")) == 2, "teams are everybody's"


async def test_an_actor_without_user_sees_nothing_of_its_own(db: Database, tenant: UUID, rows: dict[str, UUID]):
    policy = Policy(tenant, Actor(ActorKind.API_KEY, new_id()), Reach.TEAM)
    assert await seen(db, policy, Customer, "name") == set()
    assert await seen(db, policy, Address, "city") == set()


async def test_the_text_holds_no_ids_and_each_is_sent_once(rows: dict[str, UUID], tenant: UUID, db: Database):
    policy = Policy(tenant, Actor(ActorKind.USER, ME, ME, MY_TEAM), Reach.TEAM)
    made = render(predicate(policy, Address, "a1", db.dialect), db.dialect)
    assert str(tenant) not in made.text
    assert str(ME) not in made.text
    assert len(made.binds) == 3
    for alias in ("a1", "a1_customer", "a1_contact", "a1_contact_contact_link", "a1_contact_contact_link_customer"):
        assert f"{alias}.tenant_id = " in made.text
        assert f"{alias}.deleted_at IS NULL" in made.text
