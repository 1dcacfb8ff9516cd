"""What the plugin is: found, loaded, what it adds, and how it keeps the contract of every plugin."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmcore.testing import Factory, assert_plugin_contract

CONTRIBUTION = Path(__file__).parents[1] / "contribution.graphql"


async def test_it_keeps_the_contract_of_every_plugin():
    await assert_plugin_contract("erp")


async def test_what_it_adds_to_the_graph_is_written_down(crm_factory: Factory):
    """contribution.graphql is the whole of it. To print it anew, delete it and run this twice."""
    crm = await crm_factory("erp")
    if not CONTRIBUTION.exists():
        CONTRIBUTION.write_text(crm.sdl_diff())
        pytest.fail("contribution.graphql was missing and has been printed: read it, and run again.")
    assert crm.sdl_diff() == CONTRIBUTION.read_text()


async def test_it_is_found_and_waits_for_its_settings(crm_factory: Factory):
    """Until an ERP is set up nothing is sent, and the clock's look ends at once."""
    crm = await crm_factory("erp")
    [listed] = (await crm.gql("{ plugins { id title } }"))["plugins"]
    assert listed == {"id": "erp", "title": "ERP exchange"}
    await crm.create("customer", name="Alfreds")
    await crm.run_jobs()
    crm.advance(minutes=2)
    await crm.run_jobs()
    jobs = (await crm.gql('{ jobs(where: {kind: {startsWith: "erp."}}) { nodes { kind result } } }'))["jobs"]["nodes"]
    assert jobs == [{"kind": "erp.pull", "result": {"skipped": "The plugin needs settings first."}}]
    refused = "mutation { erpSyncRunStart { errors { code message } } }"
    [error] = (await crm.gql(refused))["erpSyncRunStart"]["errors"]
    assert (error["code"], "needs settings: url, database, key" in error["message"]) == ("PLUGIN", True)
    assert (await crm.gql("{ erpSyncRuns { totalCount } erpSyncItems { totalCount } }")) == {
        "erpSyncRuns": {"totalCount": 0}, "erpSyncItems": {"totalCount": 0},
    }  # fmt: skip
