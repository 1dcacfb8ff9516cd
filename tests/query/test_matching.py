"""`matching`: of many records, those that a caller sees and that match a filter, by one statement."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from crmcore.domain import customers, people
from crmcore.errors import BadInput
from crmcore.kit.sql import Sql, value
from crmcore.platform.access import Actor, ActorKind, Policy, Reach
from crmcore.platform.context import Context
from crmcore.platform.identity import authenticate
from crmcore.query import check_filter, matching

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def rows(seed):
    ada = await seed(people.User, name="Ada", email="a@example.org")
    made = await seed.many(
        customers.Customer,
        [
            {"name": "a", "employees": 1, "owner_id": ada},
            {"name": "b", "employees": 2},
            {"name": "gone", "employees": 2, "deleted_at": AT, "deletion_id": UUID(int=9)},
        ],
    )
    return ada, made


async def test_one_statement_whatever_the_number(engine, ctx, rows, registry):
    _, (a, b, gone) = rows
    customer = registry.records["Customer"]
    with ctx.db.counting() as seen:
        found = await matching(engine, ctx, customer, [a, b, gone], {"name": {"in": ["a", "b"]}})
    assert found == {a, b}
    assert len(seen) == 1
    many = [UUID(int=n) for n in range(100, 3000)]
    assert await matching(engine, ctx, customer, [*many, b, b], {"employees": {"gte": 2}}) == {b}
    misses = engine.plans.statistics.misses
    assert await matching(engine, ctx, customer, [a, b], {"employees": {"gte": 1}}) == {a, b}
    assert engine.plans.statistics.misses == misses
    assert await matching(engine, ctx, customer, [b, gone]) == {b}
    with ctx.db.counting() as seen:
        assert await matching(engine, ctx, customer, [], {"name": {"eq": "a"}}) == set()
    assert seen == []


async def test_deleted_records_are_asked_for(engine, ctx, rows, registry):
    _, (a, b, gone) = rows
    customer = registry.records["Customer"]
    with ctx.db.counting() as seen:
        found = await matching(engine, ctx, customer, [a, b, gone], {"employees": {"eq": 2}}, deleted=True)
    assert found == {b, gone}
    assert len(seen) == 1


async def test_what_the_caller_may_not_see_does_not_match(engine, ctx, rows, registry, db):
    ada, (a, b, gone) = rows
    own = Context(db, Policy(ctx.tenant_id, Actor(ActorKind.USER, ada, ada), Reach.OWN))
    assert await matching(engine, own, registry.records["Customer"], [a, b, gone], deleted=True) == {a}
    other = Context(db, Policy(UUID(int=4711), Actor(ActorKind.SYSTEM)))
    assert await matching(engine, other, registry.records["Customer"], [a, b, gone], deleted=True) == set()
    async with db.transaction() as tx:
        await tx.execute(Sql("UPDATE customer SET owner_id = NULL WHERE name = ", value("a")))
    assert await matching(engine, own, registry.records["Customer"], [a, b]) == set()


@pytest.mark.parametrize(
    "where, path",
    [
        ({"name": None}, ("where", "customer", "name")),
        ({"id": {"eq": "deal_1"}}, ("where", "customer", "id", "eq")),
        ({"or": [{"name": {"lt": None}}]}, ("where", "customer", "or", "0", "name", "lt")),
    ],
)
async def test_a_filter_that_a_list_refuses_is_refused(engine, ctx, registry, where, path):
    with pytest.raises(BadInput) as refused:
        await check_filter(engine, ctx, registry.records["Customer"], where)
    assert refused.value.path == path


async def test_a_good_filter_passes(engine, ctx, registry):
    await check_filter(engine, ctx, registry.records["Customer"], {"owner": {"name": {"iContains": "a"}}})


async def test_custom_fields_are_asked_of_living_records(crm):
    registry, engine = crm.crm.registry, crm.crm.engine
    customer = registry.records["Customer"]
    where = {"custom": [{"key": "word", "text": {"eq": "x"}}]}
    with pytest.raises(BadInput) as refused:
        await check_filter(engine, crm.context, customer, where)
    assert refused.value.path == ("where", "customer", "custom", "0", "key")
    await crm.gql("""mutation {
      customFieldCreate(input: {recordType: "customer", key: "word", label: "Word", type: TEXT}) { errors { message } } }""")
    keys = []
    for word in "xyx":
        made = await crm.gql(
            """mutation($word: String) { customerCreate(input: {name: "A", customFields: [{key: "word", text: $word}]}) {
              customer { id } errors { message } } }""",
            word=word,
        )
        keys.append(made["customerCreate"]["customer"]["id"])
    await crm.gql("mutation($id: ID!) { customerDelete(id: $id) { errors { message } } }", id=keys[2])
    ids = [UUID(key.partition("_")[2]) for key in keys]
    now = crm.crm.context(await authenticate(crm.crm.db, crm.token))
    assert await matching(engine, now, customer, ids, where, deleted=True) == {ids[0]}
    assert await matching(engine, now, customer, ids, None, deleted=True) == set(ids)
