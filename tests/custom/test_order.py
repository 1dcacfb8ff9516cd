"""`orderBy: [{custom: {key}}]`: every type sorts as its values do, and pages are exact in both directions."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.custom.conftest import Custom
from tests.fixtures import TestCrm

WALK = """query($by: [CustomerOrder!], $first: Int, $after: String, $last: Int, $before: String) {
  customers(orderBy: $by, first: $first, after: $after, last: $last, before: $before) {
    nodes { name } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""

VALUES: dict[str, list[Any]] = {
    "text": ["b", "Ä", "a", None, "B", "", None],
    "number": [3, -1, 3, None, 0, 7, None],
    "decimal": ["1.5", "-0.25", "10", None, "1.5", "9", None],
    "boolean": [True, False, True, None, False, None, None],
    "date": ["2026-01-02", "2025-12-31", None, None, "2026-01-02", "0999-01-01", None],
    "dateTime": ["2026-01-02T00:00:00Z", "2026-01-02T00:00:00+02:00", None, None, "2026-01-01T00:00:00Z", None, None],
    "select": ["b", "a", None, None, "a", "b", None],
}


async def filled(custom: Custom) -> None:
    for member in VALUES:
        kind = {"dateTime": "DATE_TIME"}.get(member, member.upper())
        await custom.define(member, kind, **({"options": ["b", "a"]} if kind == "SELECT" else {}))
    for number, row in enumerate(zip(*VALUES.values(), strict=True)):
        given = [{"key": m, m: v} for m, v in zip(VALUES, row, strict=True) if v is not None]
        await custom.create(*given, name=str(number))


def expected(member: str, direction: str, nulls: str) -> str:
    def key(number: int) -> Any:
        value = VALUES[member][number]
        if member == "text":
            value = None if value is None else {"Ä": "a"}.get(value, value.casefold())
        return float(value) if member == "decimal" and value is not None else value

    if member == "dateTime":
        order = {0: 3, 1: 2, 4: 1}
        ranked: list[Any] = [order.get(n) for n in range(7)]
    else:
        ranked = [key(n) for n in range(7)]
    there = sorted(
        (n for n in range(7) if ranked[n] is not None), key=lambda n: (ranked[n], n), reverse=direction == "DESC"
    )
    gone = sorted((n for n in range(7) if ranked[n] is None), reverse=direction == "DESC")
    return "".join(map(str, gone + there if nulls == "FIRST" else there + gone))


async def names(crm: TestCrm, by: Any, **page: Any) -> tuple[str, Any]:
    found = (await crm.gql(WALK, by=by, **page))["customers"]
    return "".join(node["name"] for node in found["nodes"]), found["pageInfo"]


@pytest.mark.parametrize("member", list(VALUES))
async def test_pages_are_exact_in_both_directions(custom: Custom, crm: TestCrm, member: str):
    await filled(custom)
    for direction, nulls in itertools.product(("ASC", "DESC"), ("FIRST", "LAST")):
        by = [{"custom": {"key": member}, "direction": direction, "nulls": nulls}]
        whole = expected(member, direction, nulls)
        assert (await names(crm, by))[0] == whole, (direction, nulls)
        walked, info = await names(crm, by, first=2)
        while info["hasNextPage"]:
            more, info = await names(crm, by, first=2, after=info["endCursor"])
            walked += more
        assert walked == whole, (direction, nulls)
        walked, info = await names(crm, by, last=3)
        while info["hasPreviousPage"]:
            more, info = await names(crm, by, last=3, before=info["startCursor"])
            walked = more + walked
        assert walked == whole, (direction, nulls)


async def test_a_custom_key_among_others_and_along_a_path(custom: Custom, crm: TestCrm):
    await filled(custom)
    by = [
        {"custom": {"key": "boolean"}, "direction": "DESC"},
        {"custom": {"key": "number"}},
        {"field": "NAME", "direction": "DESC"},
    ]
    walked, info = await names(crm, by, first=1)
    while info["hasNextPage"]:
        more, info = await names(crm, by, first=1, after=info["endCursor"])
        walked += more
    assert walked == "2014563"
    for node in (await crm.gql("{ customers { nodes { id name } } }"))["customers"]["nodes"][:3]:
        text = "mutation($i: CaseCreateInput!) { caseCreate(input: $i) { errors { message } } }"
        await crm.gql(text, i={"customerId": node["id"], "subject": node["name"]})
    found = await crm.gql('{ cases(orderBy: [{customer: {custom: {key: "text"}}}]) { nodes { subject } } }')
    assert [node["subject"] for node in found["cases"]["nodes"]] == ["1", "2", "0"]


async def test_what_has_no_order_is_bad_input(custom: Custom, crm: TestCrm):
    await custom.define("tags", "MULTI_SELECT", options=["a"])
    await custom.define("one", "NUMBER")
    await custom.define("two", "NUMBER")
    await custom.create({"key": "one", "number": 1}, name="A")
    await custom.create({"key": "two", "number": 1}, name="B")
    _, info = await names(crm, [{"custom": {"key": "one"}}], first=1)
    for by, after, said in [
        ([{"custom": {"key": "tags"}}], None, "tags is a MULTI_SELECT field, which has no order"),
        ([{"custom": {"key": "nope"}}], None, "there is no custom field 'nope' of type customer"),
        ([{"custom": {"key": "one"}, "field": "NAME"}], None, "give exactly one of"),
        ([{"custom": {"key": "two"}}], info["endCursor"], "this cursor belongs to another list, filter or order"),
    ]:
        [error] = (await crm.ask(WALK, by=by, first=1, after=after))["errors"]
        assert said in error["message"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
