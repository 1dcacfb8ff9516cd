"""Nothing is lost when many change one record: expectedVersion, and another try."""

from __future__ import annotations

import asyncio
import os

from tests.fixtures import TestCrm

INCREMENTS = 100
AT_ONCE = int(os.environ.get("CRMCORE_TEST_INCREMENTS_AT_ONCE", "8"))

READ = "query($id: ID!) { customer(id: $id) { version employees } }"
WRITE = """mutation($id: ID!, $n: Int!, $v: Int!) {
  customerUpdate(id: $id, input: {employees: $n}, expectedVersion: $v) { outcome errors { code ... on ConflictError { currentVersion changedFields } } } }"""


async def test_a_hundred_increments_are_a_hundred(crm: TestCrm):
    made = await crm.gql('mutation { customerCreate(input: {name: "Counter", employees: 0}) { customer { id } } }')
    id_ = made["customerCreate"]["customer"]["id"]
    turns, refused = asyncio.Semaphore(AT_ONCE), 0

    async def increment() -> None:
        nonlocal refused
        async with turns:
            while True:
                seen = (await crm.gql(READ, id=id_))["customer"]
                done = (await crm.gql(WRITE, id=id_, n=seen["employees"] + 1, v=seen["version"]))["customerUpdate"]
                if done["outcome"] == "UPDATED":
                    return
                [error] = done["errors"]
                assert (error["code"], error["changedFields"]) == ("CONFLICT", ["employees"])
                assert error["currentVersion"] > seen["version"]
                refused += 1

    await asyncio.gather(*(increment() for _ in range(INCREMENTS)))
    assert (await crm.gql(READ, id=id_))["customer"] == {"version": 1 + INCREMENTS, "employees": INCREMENTS}
    assert refused, "they never met: there was nothing to lose"
