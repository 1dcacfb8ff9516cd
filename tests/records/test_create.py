"""New records: values, defaults, references, what is refused and in which words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest

from crmcore.domain.cases import Case, CaseStatus
from crmcore.domain.contacts import Contact, ContactLink
from crmcore.domain.customers import Address, AddressType, Customer, CustomerKind, CustomerRole
from crmcore.domain.people import Team, User
from crmcore.errors import Duplicate, Invalid, NotFound, Refusals
from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql
from crmcore.platform.access import Actor, ActorKind, Policy
from crmcore.platform.context import Context
from crmcore.records import Create, Written, find_by_external, write
from tests.records.conftest import NOW


async def refused(ctx, *changes):
    with pytest.raises(Refusals) as caught:
        await write(ctx, changes)
    rows = await ctx.db.fetch(Sql("SELECT count(*) AS n FROM event"))
    assert rows[0]["n"] == 0, "a refused command leaves no trace"
    return caught.value.refusals


async def test_values_come_back_as_they_were_given(ctx, read):
    key = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
    values = {
        "kind": CustomerKind.PERSON,
        "name": "José 'Pepe' \"Ñ\" \\ 王芳",
        "tax_id": "DE1",
        "roles": [CustomerRole.SUPPLIER, CustomerRole.PARTNER, CustomerRole.SUPPLIER],
        "annual_revenue": Decimal("922337203685477.5807"),
        "annual_revenue_currency": "EUR",
        "birth_date": date(1980, 2, 29),
        "is_key_account": True,
        "verified_at": datetime(2026, 1, 1, 8, 0, 0, 123456, tzinfo=timezone(timedelta(hours=8))),
        "time_zone": "Europe/Berlin",
    }
    [written] = await write(ctx, [Create(Customer, values, id=key)])
    assert written == Written(key, 1, frozenset(values) | {"lifecycle_stage"})
    row = await read(Customer, key)
    assert row["name"] == values["name"]
    assert row["name_folded"] == "jose 'pepe' \"n\" \\ 王芳"
    assert row["roles"] == ["SUPPLIER", "PARTNER"]
    assert row["annual_revenue"] == Decimal("922337203685477.5807")
    assert row["birth_date"] == date(1980, 2, 29)
    assert row["is_key_account"] is True
    assert row["verified_at"] == datetime(2026, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)
    assert row["lifecycle_stage"] == "PROSPECT"
    assert (row["version"], row["created_at"], row["created_by_kind"]) == (1, NOW, ActorKind.SYSTEM)
    assert row["updated_at"] == NOW
    assert row["deleted_at"] is None


async def test_the_fact_tells_the_record_without_its_nulls(ctx, facts):
    [written] = await write(
        ctx, [Create(Customer, {"name": "A", "annual_revenue": Decimal("1.5"), "annual_revenue_currency": "EUR"})]
    )
    assert await facts() == [
        (
            "customer.created",
            written.id,
            None,
            {
                "version": 1,
                "kind": "ORGANIZATION",
                "name": "A",
                "roles": ["CUSTOMER"],
                "annual_revenue": "1.5000",
                "annual_revenue_currency": "EUR",
                "lifecycle_stage": "PROSPECT",
                "is_key_account": False,
            },
            [
                "kind", "name", "roles", "annual_revenue", "annual_revenue_currency", "lifecycle_stage",
                "is_key_account",
            ],
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    "values, path, message",
    [
        ({}, "name", "name is required."),
        ({"name": None}, "name", "name is required."),
        ({"name": "  "}, "name", "name is required."),
        ({"name": "x" * 301}, "name", "name must be at most 300 characters, and has 301."),
        ({"name": "a\x00b"}, "name", "name must not contain the character NUL."),
        ({"name": "a\ud800"}, "name", "name must not contain half of a surrogate pair."),
        ({"name": 5}, "name", "name must be a text."),
        ({"name": "a", "employees": 2**31}, "employees", "employees must fit in 32 bits."),
        ({"name": "a", "employees": True}, "employees", "employees must be a whole number."),
        ({"name": "a", "employees": -1}, "employees", "employees must not be negative."),
        ({"name": "a", "is_key_account": None}, "isKeyAccount", "isKeyAccount is required."),
        ({"name": "a", "kind": "ROBOT"}, "kind", "kind must be one of ORGANIZATION, PERSON."),
        ({"name": "a", "roles": "CUSTOMER"}, "roles", "roles must be a list."),
        ({"name": "a", "birth_date": datetime(2020, 1, 1, tzinfo=UTC)}, "birthDate", "birthDate must be a date."),
        (
            {"name": "a", "verified_at": datetime(2020, 1, 1)},
            "verifiedAt",
            "verifiedAt must be a date-time with an offset.",
        ),
        ({"name": "a", "parent_id": "x"}, "parentId", "parentId must be an id."),
        (
            {"name": "a", "annual_revenue": Decimal("1.00001"), "annual_revenue_currency": "EUR"},
            "annualRevenue",
            "annualRevenue has more than 4 decimal places.",
        ),
        (
            {"name": "a", "annual_revenue": Decimal("922337203685477.5808"), "annual_revenue_currency": "EUR"},
            "annualRevenue",
            "annualRevenue is too large.",
        ),
        ({"name": "a", "annual_revenue": Decimal("NaN")}, "annualRevenue", "annualRevenue must be a finite number."),
        (
            {"name": "a", "annual_revenue_currency": "eur"},
            "annualRevenueCurrency",
            "annualRevenueCurrency must be a currency code of three capital letters, like EUR.",
        ),
    ],
)
async def test_a_value_is_refused_by_name(ctx, values, path, message):
    [refusal] = await refused(ctx, Create(Customer, values))
    assert (type(refusal), refusal.path, refusal.message, refusal.index) == (Invalid, (path,), message, 0)


async def test_all_faults_are_told_at_once_each_with_its_place(ctx):
    found = await refused(
        ctx,
        Create(Customer, {"name": "fine"}),
        Create(Customer, {"employees": "x"}),
        Create(Customer, {"name": "a", "time_zone": "Mars/Olympus"}),
    )
    assert [(r.index, r.path) for r in found] == [(1, ("employees",)), (1, ("name",)), (2, ("timeZone",))]


@pytest.mark.parametrize("column", ["name_folded", "version", "tenant_id", "nonsense"])
async def test_a_column_that_is_not_the_callers_is_a_bug(ctx, column):
    with pytest.raises(TypeError, match=column):
        await write(ctx, [Create(Customer, {"name": "a", column: "x"})])


async def test_a_reference_must_name_what_is_there(ctx):
    [missing] = await refused(ctx, Create(Customer, {"name": "a", "parent_id": new_id()}))
    assert (type(missing), missing.path) == (NotFound, ("parentId",))


async def test_another_tenants_record_is_not_there(ctx, graph):
    from crmcore.platform.identity import create_tenant

    async with ctx.db.transaction() as tx:
        other = await create_tenant(tx, "other", "Other")
    stranger = Context(ctx.db, Policy(other, Actor(ActorKind.SYSTEM)), graph, clock=ctx.clock)
    [theirs] = await write(stranger, [Create(Customer, {"name": "theirs", "tax_id": "T"})])
    with pytest.raises(Refusals) as caught:
        await write(ctx, [Create(Customer, {"name": "a", "parent_id": theirs.id})])
    assert [(type(r), r.path) for r in caught.value.refusals] == [(NotFound, ("parentId",))]
    await write(ctx, [Create(Customer, {"name": "mine", "tax_id": "T"})])  # unique per tenant


async def test_new_records_may_name_each_other_in_any_order(ctx, read):
    customer, parent, contact = new_id(), new_id(), new_id()
    await write(
        ctx,
        [
            Create(ContactLink, {"customer_id": customer, "contact_id": contact}),
            Create(Customer, {"name": "child", "parent_id": parent}, id=customer),
            Create(Contact, {"first_name": "Ann"}, id=contact),
            Create(Customer, {"name": "parent"}, id=parent),
        ],
    )
    assert (await read(Customer, customer))["parent_id"] == parent


async def test_a_ring_of_new_records_is_closed_afterwards(ctx, read):
    team, user = new_id(), new_id()
    await write(
        ctx,
        [
            Create(Team, {"name": "North", "manager_id": user}, id=team),
            Create(User, {"name": "Ann", "email": "ann@example.com", "team_id": team}, id=user),
        ],
    )
    assert (await read(Team, team))["manager_id"] == user
    assert (await read(User, user))["team_id"] == team
    assert (await read(Team, team))["version"] == 1


async def test_the_owner_is_the_acting_user(ctx, read):
    [team, user, other] = await write(
        ctx,
        [
            Create(Team, {"name": "North"}),
            Create(User, {"name": "Ann", "email": "ann@example.com"}),
            Create(User, {"name": "Bob", "email": "bob@example.com"}),
        ],
    )
    ctx.policy = Policy(ctx.tenant_id, Actor(ActorKind.USER, user.id, user.id, team.id))
    mine, theirs, nobodys = await write(
        ctx,
        [
            Create(Customer, {"name": "mine"}),
            Create(Customer, {"name": "theirs", "owner_id": other.id}),
            Create(Customer, {"name": "nobody's", "owner_id": None}),
        ],
    )
    owners = [
        ((await read(Customer, w.id))["owner_id"], (await read(Customer, w.id))["team_id"])
        for w in (mine, theirs, nobodys)
    ]
    assert owners == [(user.id, team.id), (other.id, None), (None, None)]
    assert (await read(Customer, mine.id))["created_by_id"] == user.id


async def test_a_machine_starts_at_its_beginning_unless_history_says_otherwise(ctx, read):
    [customer] = await write(ctx, [Create(Customer, {"name": "a"})])
    new, old = await write(
        ctx,
        [
            Create(Case, {"number": "1", "subject": "s", "customer_id": customer.id}),
            Create(Case, {"number": "2", "subject": "s", "customer_id": customer.id, "status": CaseStatus.CLOSED}),
        ],
    )
    assert (await read(Case, new.id))["status"] == CaseStatus.NEW
    assert (await read(Case, old.id))["status"] == CaseStatus.CLOSED


async def test_unique_among_the_living(ctx):
    [first] = await write(ctx, [Create(Customer, {"name": "a", "tax_id": "X"})])
    with pytest.raises(Refusals) as caught:
        await write(ctx, [Create(Customer, {"name": "b"}), Create(Customer, {"name": "c", "tax_id": "X"})])
    [taken] = caught.value.refusals
    assert isinstance(taken, Duplicate)
    assert (taken.index, taken.path, taken.details) == (1, ("taxId",), {"existing_id": first.id})


async def test_unique_within_one_command(ctx):
    key = new_id()
    [taken] = await refused(
        ctx,
        Create(Customer, {"name": "a", "tax_id": "X"}, id=key),
        Create(Customer, {"name": "b", "tax_id": "X"}),
    )
    assert (type(taken), taken.index, taken.path, taken.details) == (Duplicate, 1, ("taxId",), {"existing_id": key})


async def test_a_folded_group_is_told_by_its_source(ctx):
    [first] = await write(ctx, [Create(User, {"name": "a", "email": "Ann@Example.com"})])
    with pytest.raises(Refusals) as caught:
        await write(ctx, [Create(User, {"name": "b", "email": "ann@example.COM"})])
    [taken] = caught.value.refusals
    assert (taken.path, taken.details) == (("email",), {"existing_id": first.id})


async def test_an_id_that_is_taken(ctx):
    [first] = await write(ctx, [Create(Customer, {"name": "a"})])
    with pytest.raises(Refusals) as caught:
        await write(ctx, [Create(Customer, {"name": "b"}), Create(Customer, {"name": "c"}, id=first.id)])
    [taken] = caught.value.refusals
    assert (type(taken), taken.index, taken.path, taken.details) == (Duplicate, 1, ("id",), {"existing_id": first.id})


async def test_external_references_resolve_and_are_unique(ctx):
    a, b = await write(
        ctx,
        [
            Create(Customer, {"name": "a"}, external_refs=[("northwind", "ALFKI"), ("erp", "7")]),
            Create(Contact, {"last_name": "b"}, external_refs=[("northwind", "ALFKI")]),
        ],
    )
    assert await find_by_external(ctx, Customer, "northwind", ["ALFKI", "NONE"]) == {"ALFKI": a.id}
    assert await find_by_external(ctx, Contact, "northwind", ["ALFKI"]) == {"ALFKI": b.id}
    assert await find_by_external(ctx, Customer, "other", ["ALFKI"]) == {}
    assert await find_by_external(ctx, Customer, "other", []) == {}
    with pytest.raises(Refusals) as caught:
        await write(ctx, [Create(Customer, {"name": "c"}, external_refs=[("erp", "7")])])
    [taken] = caught.value.refusals
    assert (type(taken), taken.path, taken.details) == (Duplicate, ("externalRefs",), {"existing_id": a.id})


async def test_malformed_external_references(ctx):
    [empty] = await refused(ctx, Create(Customer, {"name": "c"}, external_refs=[("erp", " ")]))
    assert (type(empty), empty.path) == (Invalid, ("externalRefs",))


async def test_statements_do_not_grow_with_the_number_of_records(ctx):
    [customer] = await write(ctx, [Create(Customer, {"name": "a"})])

    def changes(count: int, stem: str) -> list[Create]:
        return [
            *(
                Create(
                    Customer,
                    {"name": f"{stem}{i}", "tax_id": f"{stem}{i}", "parent_id": customer.id},
                    external_refs=[("x", f"{stem}{i}")],
                )
                for i in range(count)
            ),
            *(
                Create(Address, {"customer_id": customer.id, "type": AddressType.BILLING, "city": "Ulm"})
                for _ in range(count)
            ),
        ]

    with ctx.db.counting() as one:
        await write(ctx, changes(1, "one"))
    with ctx.db.counting() as many:
        written = await write(ctx, changes(1000, "many"))
    assert len(written) == 2000
    assert len(one) == len(many)
    assert many == one, "the same texts, so the databases prepare them once"


async def test_a_single_create_takes_few_statements(ctx):
    [customer] = await write(ctx, [Create(Customer, {"name": "a"})])
    with ctx.db.counting() as seen:
        await write(ctx, [Create(Address, {"customer_id": customer.id, "type": AddressType.VISIT})])
    assert len(seen) == 2, "reference, then row and fact together"
    assert seen[0].startswith("SELECT")
    assert 'INSERT INTO "address"' in seen[1]
    assert "INSERT INTO event" in seen[1]
