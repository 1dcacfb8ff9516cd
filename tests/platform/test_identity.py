"""Tokens: made once, kept as a hash, refused alike whatever is wrong; one statement each time."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from crmcore.domain.people.models import Team, User
from crmcore.errors import Unauthenticated
from crmcore.kit import times
from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql, value
from crmcore.migrations import CORE
from crmcore.platform.access import ActorKind, Reach
from crmcore.platform.database import Database
from crmcore.platform.identity import authenticate, create_tenant, create_token, find_tenant, revoke_token
from crmcore.platform.metadata import load_models
from tests.platform.test_predicates import put


async def test_a_key_acts_as_itself(db: Database, tenant: UUID):
    async with db.transaction() as tx:
        token = await create_token(tx, tenant, "shop")
    with db.counting() as seen:
        policy = await authenticate(db, token.text)
    assert len(seen) == 1
    assert (policy.tenant_id, policy.reach) == (tenant, Reach.TENANT)
    assert (policy.actor.kind, policy.actor.id, policy.actor.name) == (ActorKind.API_KEY, token.id, "shop")
    assert policy.actor.user_id is None
    rows = await db.fetch(Sql("SELECT * FROM api_token"))
    assert token.text not in str([[row[name] for name in row.keys()] for row in rows])  # noqa: SIM118


async def test_a_users_token_acts_as_the_user_while_active(db: Database, tenant: UUID):
    await load_models([CORE])
    async with db.transaction() as tx:
        team = await put(tx, Team, tenant, name="North", name_folded="north")
        user = await put(
            tx, User, tenant, name="Ann", email="a@example.org", email_folded="a@example.org", team_id=team
        )
        token = await create_token(tx, tenant, "Ann's phone", user_id=user, reach=Reach.OWN)
    policy = await authenticate(db, token.text)
    assert (policy.actor.kind, policy.actor.id, policy.actor.user_id, policy.actor.team_id) == (
        ActorKind.USER, user, user, team,
    )  # fmt: skip
    assert policy.reach is Reach.OWN
    async with db.transaction() as tx:
        await tx.execute(Sql('UPDATE "user" SET is_active = ', "FALSE" if tx.dialect == "postgres" else "0"))
    with pytest.raises(Unauthenticated):
        await authenticate(db, token.text)


async def test_everything_wrong_is_refused_alike(db: Database, tenant: UUID):
    now = times.now()
    async with db.transaction() as tx:
        good = await create_token(tx, tenant, "good")
        expired = await create_token(tx, tenant, "expired", expires_at=now - timedelta(seconds=1))
        revoked = await create_token(tx, tenant, "revoked")
        other = await create_tenant(tx, "other", "Other")
        ghost = await create_token(tx, tenant, "ghost", user_id=new_id())
        suspended = await create_token(tx, other, "suspended")
        assert await revoke_token(tx, tenant, revoked.id)
        assert not await revoke_token(tx, tenant, revoked.id)
        assert not await revoke_token(tx, other, good.id), "another tenant's"
        await tx.execute(Sql("UPDATE tenant SET state = 'SUSPENDED' WHERE slug = ", value("other")))
    body, _, check = good.text.rpartition("_")
    other_end = "a" if body[-1] != "a" else "b"
    wrong = [
        "", "x", good.text[:-1], good.text + "0", good.text.upper(), f"{body}_000000", expired.text, revoked.text,
        suspended.text, ghost.text, good.text.replace("live", "test"), f"{body[:-1]}{other_end}_{check}",
        "crm_live_" + "٣" * 12 + "_" + "a" * 43 + "_000000",
    ]  # fmt: skip
    said = set()
    for text in wrong:
        with pytest.raises(Unauthenticated) as caught:
            await authenticate(db, text)
        said.add(caught.value.message)
    assert len(said) == 1
    assert (await authenticate(db, good.text)).tenant_id == tenant


async def test_a_mistyped_token_costs_no_statement(db: Database, tenant: UUID):
    async with db.transaction() as tx:
        token = await create_token(tx, tenant, "key")
    swapped = token.text[:30] + token.text[31] + token.text[30] + token.text[32:]
    with db.counting() as seen, pytest.raises(Unauthenticated):
        await authenticate(db, swapped if swapped != token.text else token.text[:-1] + "_")
    assert not seen


async def test_tenants_are_made_once(db: Database, tenant: UUID):
    async with db.transaction() as tx:
        assert await create_tenant(tx, "default", "Again") == tenant
        other = await create_tenant(tx, "acme", "Acme")
    assert await find_tenant(db, "acme") == other
    assert await find_tenant(db, "nobody") is None
