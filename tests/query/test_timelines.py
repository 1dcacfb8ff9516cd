"""Timelines: several kinds of records in one list, ordered by time, page by page."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from graphql import validate_schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.errors import BadInput
from crmcore.kit.times import to_text
from crmcore.platform.access import Actor, ActorKind, Policy, Reach
from crmcore.platform.context import Context
from tests.query.happenings import T0, TIMELINE, company

__all__ = ["company"]

TYPES = ("INTERACTION", "STAGE_TRANSITION", "CASE_EVENT", "ORDER", "TOUCHPOINT")


async def walk(graph, ctx, company, size, backward, **more):
    """All ids, page by page, with everything that pages say of themselves checked on the way."""
    size_name, cursor_name = ("last", "before") if backward else ("first", "after")
    cursor, ids, pages = None, [], 0
    while True:
        variables = {"id": f"customer_{company.customer}", size_name: size, cursor_name: cursor, **more}
        page = (await graph.ask(ctx, TIMELINE, variables))["customer"]["timeline"]
        got = [node["id"] for node in page["nodes"]]
        assert got == [edge["node"]["id"] for edge in page["edges"]]
        info = page["pageInfo"]
        assert [info["startCursor"], info["endCursor"]] == (
            [page["edges"][0]["cursor"], page["edges"][-1]["cursor"]] if got else [None, None]
        )
        ids = got + ids if backward else ids + got
        onward, back = ("hasPreviousPage", "hasNextPage") if backward else ("hasNextPage", "hasPreviousPage")
        assert info[back] is (pages > 0)
        assert info[onward] is (len(ids) < page["totalCount"])
        if not info[onward]:
            return ids
        cursor = info["startCursor" if backward else "endCursor"]
        pages += 1


def test_the_schema_is_sound(graph):
    assert validate_schema(graph.engine.schema) == []


async def test_every_walk_is_what_python_merges(graph, ctx, company):
    loop = asyncio.get_running_loop()
    moments = st.sampled_from([None, T0, T0 + timedelta(microseconds=2), T0 + timedelta(days=1)])

    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.none() | st.lists(st.sampled_from(TYPES), max_size=3), moments, moments, st.sampled_from([None, "ASC", "DESC"]),
        st.integers(1, 17), st.booleans(),
    )  # fmt: skip
    def check(types, since, until, direction, size, backward):
        expected = company.merged(direction != "ASC", types, since, until)
        given_ = {
            "types": types,
            "since": since and to_text(since),
            "until": until and to_text(until),
            "direction": direction,
        }
        found = walk(graph, ctx, company, size, backward, **given_)
        assert asyncio.run_coroutine_threadsafe(found, loop).result(60) == expected

    await asyncio.to_thread(check)


async def test_the_same_id_in_two_tables_is_two_items(graph, ctx, company, seed):
    """Ids are given by clients too: nothing keeps two tables from holding the same one at the same time."""
    at = T0 + timedelta(days=9)
    for kind in ("interaction", "order", "case_event"):
        await company.expect(kind, at, id=company.contact)
    for backward in (False, True):
        assert await walk(graph, ctx, company, 1, backward) == company.merged()


async def test_what_is_selected_differs_from_kind_to_kind(graph, ctx, company):
    """Fragments on types and interfaces, aliases, relations, connections; a page of each and all at once."""
    text = """query($id: ID!) { customer(id: $id) { name timeline(first: 40) { nodes {
      ...item
      ... on Interaction { kind customer { name interactions(first: 1) { totalCount } } }
      ... on StageTransition { toStage { name } deal { name timeline(first: 2) { nodes { id } totalCount } } }
      ... on CaseEvent { what: kind case { subject } }
      ... on Order { total { amount currencyCode } x: number }
      ... on Touchpoint { carePlan { name } }
    } } } }
    fragment item on TimelineItem { __typename ... on Node { id } at: timelineAt }"""
    found = (await graph.ask(ctx, text, {"id": f"customer_{company.customer}"}))["customer"]
    assert [node["id"] for node in found["timeline"]["nodes"]] == company.merged()
    times = {key: to_text(at) for at, _, key in company.items}
    by_type = {}
    for node in found["timeline"]["nodes"]:
        assert list(node)[:3] == ["__typename", "id", "at"]
        assert node["at"] == times[node["id"]]
        by_type[node["__typename"]] = {k: v for k, v in node.items() if k not in ("__typename", "id", "at", "x")}
    transitions = [key for key in company.merged() if key.startswith("stage_transition")]
    assert by_type == {
        "Interaction": {"kind": "NOTE", "customer": {"name": "Acme", "interactions": {"totalCount": 8}}},
        "StageTransition": {
            "toStage": {"name": "New"},
            "deal": {"name": "D", "timeline": {"nodes": [{"id": key} for key in transitions[:2]], "totalCount": 8}},
        },
        "CaseEvent": {"what": "MOVED", "case": {"subject": "C"}},
        "Order": {"total": {"amount": "0.0000", "currencyCode": "EUR"}},
        "Touchpoint": {"carePlan": {"name": "P"}},
    }


async def test_long_names_and_edges(graph, ctx, company):
    """Names that PostgreSQL would cut, in some kinds and not in others."""
    long = "n" * 70
    text = f"""query($id: ID!) {{ customer(id: $id) {{ timeline(first: 5, direction: ASC) {{ edges {{ node {{
      ... on Interaction {{ {long}: id }} ... on Node {{ id }} }} c: cursor __typename }} }} }} }}"""
    found = (await graph.ask(ctx, text, {"id": f"customer_{company.customer}"}))["customer"]["timeline"]["edges"]
    assert [edge["node"]["id"] for edge in found] == company.merged(descending=False)[:5]
    for edge in found:
        node = edge["node"]
        assert node.get(long) == (node["id"] if node["id"].startswith("interaction") else None)
        assert edge["__typename"] == "TimelineEdge"
        assert edge["c"]


async def test_contacts_deals_and_cases_have_theirs(graph, ctx, company, seed):
    talk = await company.add(
        "interaction", T0 + timedelta(hours=3), deal_id=company.deal, case_id=company.case, contact_id=company.contact
    )
    text = """query($deal: ID!, $case: ID!, $contact: ID!) {
      deal(id: $deal) { timeline(first: 200) { totalCount nodes { id } } }
      case(id: $case) { timeline(first: 200) { totalCount nodes { id } } }
      contact(id: $contact) { timeline(first: 200) { totalCount nodes { id } } } }"""  # fmt: skip
    company.items.append((T0 + timedelta(hours=3), talk.rpartition("_")[2], talk))
    ids = {"deal": company.deal, "case": company.case, "contact": company.contact}
    found = await graph.ask(ctx, text, {name: f"{name}_{key}" for name, key in ids.items()})
    for name, kind in (("deal", "stage_transition"), ("case", "case_event"), ("contact", "case_event")):
        expected = [key for key in company.merged() if key.startswith(kind) or key == talk]
        timeline = found[name]["timeline"]
        assert ([node["id"] for node in timeline["nodes"]], timeline["totalCount"]) == (expected, len(expected))


async def test_nodes_of_many_customers_and_no_items(graph, ctx, company):
    text = "{ customers(orderBy: {field: NAME}) { nodes { name timeline(first: 2) { nodes { id } pageInfo { hasNextPage } totalCount(atMost: 5) } } } }"
    found = (await graph.ask(ctx, text))["customers"]["nodes"]
    assert found[0] == {
        "name": "Acme",
        "timeline": {
            "nodes": [{"id": key} for key in company.merged()[:2]], "pageInfo": {"hasNextPage": True}, "totalCount": 5,
        },
    }  # fmt: skip
    assert found[1]["timeline"]["totalCount"] == 2
    empty = "query($id: ID!) { customer(id: $id) { timeline(types: [], first: 3) { nodes { id } edges { cursor } totalCount pageInfo { hasNextPage endCursor } } } }"
    found = (await graph.ask(ctx, empty, {"id": f"customer_{company.customer}"}))["customer"]["timeline"]
    assert found == {
        "nodes": [], "edges": [], "totalCount": 0, "pageInfo": {"hasNextPage": False, "endCursor": None},
    }  # fmt: skip


async def test_everybody_sees_their_own(graph, ctx, company, seed):
    """Of a visible customer, what follows it is seen; a colleague's deal is not, nor another tenant's anything."""
    await company.add("stage_transition", T0, deal_id=company.hidden_deal)
    own = Context(ctx.db, Policy(ctx.tenant_id, Actor(ActorKind.USER, company.user, company.user), Reach.OWN))
    text = "query($id: ID!) { customer(id: $id) { timeline(first: 200) { totalCount nodes { id } } } }"
    variables = {"id": f"customer_{company.customer}"}
    everything = (await graph.ask(ctx, text, variables))["customer"]["timeline"]
    assert everything["totalCount"] == 41
    seen = (await graph.ask(own, text, variables))["customer"]["timeline"]
    expected = [key for key in company.merged() if not key.startswith("case_event")]
    assert ([node["id"] for node in seen["nodes"]], seen["totalCount"]) == (expected, len(expected))
    stranger = Context(ctx.db, Policy(company.user, Actor(ActorKind.SYSTEM)))
    assert (await graph.ask(stranger, text, variables))["customer"] is None


async def test_cursors_go_with_their_list(graph, ctx, company):
    first = await graph.ask(ctx, TIMELINE, {"id": f"customer_{company.customer}", "first": 3})
    cursor = first["customer"]["timeline"]["pageInfo"]["endCursor"]
    for other in ({"direction": "ASC"}, {"types": ["ORDER"]}, {"since": to_text(T0)}):
        with pytest.raises(BadInput) as refused:
            await graph.ask(ctx, TIMELINE, {"id": f"customer_{company.customer}", "first": 3, "after": cursor, **other})
        assert refused.value.path == ("after",)
    same = {"id": f"customer_{company.customer}", "first": 3, "after": cursor, "direction": "DESC"}
    assert (await graph.ask(ctx, TIMELINE, same))["customer"]["timeline"]["nodes"][0]["id"] == company.merged()[3]


async def test_walks_are_exact_while_others_write(graph, ctx, company, seed):
    """What comes in behind the cursor, or goes, moves nothing; what comes in ahead is found."""
    text = "query($id: ID!, $a: String) { customer(id: $id) { timeline(first: 4, after: $a) { nodes { id } pageInfo { endCursor hasNextPage } } } }"
    before, cursor, ids = company.merged(), None, []
    ahead = None
    while True:
        page = (await graph.ask(ctx, text, {"id": f"customer_{company.customer}", "a": cursor}))["customer"]["timeline"]
        ids += [node["id"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        cursor = page["pageInfo"]["endCursor"]
        await company.add("order", T0 + timedelta(days=30))
        ahead = ahead or await company.add("interaction", T0 - timedelta(days=1))
    assert ids == [*before, ahead]


# ---------------------------------------------------------------- nodes


async def test_interfaces_through_node_and_nodes(graph, ctx, company):
    """200 ids of many kinds are one statement, in their order."""
    others = [f"customer_{company.customer}", f"deal_{company.gone_deal}", f"deal_{company.deal}"]
    keys = [*(company.merged() * 5)[:197], *others]
    text = """query($ids: [ID!]!) { nodes(ids: $ids) { __typename ... on TimelineItem { timelineAt }
      ... on Node { id } ...named ... on Interaction { customer { ...named ... on Node { id } } } } }
      fragment named on Customer { name owner { __typename ... on Node { id } } }"""
    with ctx.db.counting() as seen:
        found = (await graph.ask(ctx, text, {"ids": keys}))["nodes"]
    assert len(seen) == 1
    assert [node and node["id"] for node in found] == [
        None if "gone" in k or k == f"deal_{company.gone_deal}" else k for k in keys
    ]
    customer = {
        "name": "Acme",
        "owner": {"__typename": "User", "id": f"user_{company.user}"},
        "id": f"customer_{company.customer}",
    }
    times = {key: to_text(at) for at, _, key in company.items}
    for key, node in zip(keys, found):
        if key in times:
            assert node["timelineAt"] == times[key]
        if key.startswith("interaction"):
            assert node["customer"] == customer
    assert {k: v for k, v in found[197].items() if k != "__typename"} == {**customer, "id": keys[197]}
    one = "query($id: ID!) { node(id: $id) { ... on TimelineItem { __typename timelineAt } ... on Customer { name } } }"
    assert (await graph.ask(ctx, one, {"id": keys[0]}))["node"]["timelineAt"] == times[keys[0]]
    assert (await graph.ask(ctx, one, {"id": keys[197]}))["node"] == {"name": "Acme"}
