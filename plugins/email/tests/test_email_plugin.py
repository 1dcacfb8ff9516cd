"""The distribution is found by its entry point and loads."""

from __future__ import annotations

from crmcore.testing import TestCrm


async def test_it_loads_and_says_what_it_is(crm: TestCrm):
    [listed] = (await crm.gql("{ plugins { id title version state problems } }"))["plugins"]
    assert listed == {"id": "email", "title": "Email campaigns", "version": "0.1.0", "state": "LOADED", "problems": []}
