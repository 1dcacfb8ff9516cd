"""Any selection is one statement with finished JSON."""

from __future__ import annotations

from crmcore.domain import contacts, customers, deals, people


async def test_a_nested_list(graph, ctx, seed, registry):
    user = await seed(people.User, name="Ada", email="ada@example.org")
    acme = await seed(customers.Customer, name="Ärger & Söhne", owner_id=user, is_key_account=True)
    await seed(customers.Customer, name="Beta")
    anna = await seed(contacts.Contact, name="Anna")
    await seed(contacts.ContactLink, customer_id=acme, contact_id=anna)
    pipeline = await seed(deals.Pipeline, name="Sales")
    stage = await seed(deals.Stage, pipeline_id=pipeline, name="Won", position=1)
    from decimal import Decimal
    from datetime import datetime, UTC
    await seed(deals.Deal, name="Big", customer_id=acme, pipeline_id=pipeline, stage_id=stage, amount=Decimal("-12.5"), currency="EUR", probability=50, stage_entered_at=datetime(2026,1,1,tzinfo=UTC))
    with ctx.db.counting() as seen:
        found = await graph.ask(ctx, """{ customers { totalCount nodes { id name roles isKeyAccount createdAt createdBy { kind id }
           owner { name } contacts { nodes { name } } deals { nodes { amount { amount currencyCode } stage { name pipeline { name } } } }
           edge: deals(first: 1) { edges { cursor node { name } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } } }""")
    assert len(seen) == 1
    print(found)
