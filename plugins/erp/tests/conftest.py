"""A Tryton server for all tests of a process, and apps that exchange with a database of it."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crmcore.testing import Caller, Factory, TestCrm

sys.path.insert(0, str(Path(__file__).parent))

from trytond import MISSING, Erp, Server, folder, running

Opened = Callable[..., Awaitable[TestCrm]]


@pytest.fixture(scope="session")
def tryton() -> Iterator[Server]:
    """A running server; without Tryton the tests that need it are skipped."""
    home = folder()
    if home is None:
        pytest.skip(MISSING)
    with running(home) as server:
        yield server


@pytest.fixture
def erp(tryton: Server) -> Erp:
    """A fresh database of the ERP: a company with two products in stock."""
    return tryton.database()


@pytest.fixture(scope="session")
def shared(tryton: Server) -> Erp:
    """One database for the tests of the adapter, which do not mind each other."""
    return tryton.database()


@pytest.fixture
def exchange(crm_factory: Factory) -> Opened:
    """Opens an app that exchanges with a database of the ERP: `await exchange(erp, adopt=True)`."""

    async def opened(erp: Erp, **settings: Any) -> TestCrm:
        known = {"url": erp.url, "database": erp.database, "key": erp.key, **settings}
        crm = await crm_factory("erp", settings={"erp": known}, webhook_allow=["127.0.0.0/8"])
        await crm.plugin("erp").store.put("polled", "2999-01-01T00:00:00+00:00")  # the clock leaves the ERP alone
        return crm

    return opened


STARTED = """mutation($anew: Boolean) { erpSyncRunStart(input: {fromTheBeginning: $anew}) {
  erpSyncRun { id } errors { message } } }"""
RUN = """query($id: ID!) { erpSyncRun(id: $id) {
  state error seen changed failed conflicts items(first: 200) { nodes { id kind outcome error externalId } } } }"""


async def work(crm: TestCrm) -> None:
    """Tell the plugin what happened, and do what it asks for, until there is nothing more to do."""
    for _ in range(5):
        await crm.run_events()
        if not await crm.run_jobs():
            return


async def look(crm: TestCrm, *, anew: bool = False) -> dict[str, Any]:
    """Ask for a run, do what is to do, and tell what it found."""
    started = (await crm.gql(STARTED, anew=anew))["erpSyncRunStart"]
    assert started["errors"] == []
    await work(crm)
    run: dict[str, Any] = (await crm.gql(RUN, id=started["erpSyncRun"]["id"]))["erpSyncRun"]
    return run


async def stage(crm: TestCrm, type: str) -> str:
    """A stage of the only pipeline, which is made when it is first asked for."""
    found = await crm.gql("{ stages { nodes { id type } } }")
    if not found["stages"]["nodes"]:
        pipeline = await crm.create("pipeline", name="Sales", isDefault=True)
        for place, kind in enumerate(("OPEN", "WON", "LOST"), 1):
            await crm.create("stage", pipelineId=pipeline, name=kind, type=kind, position=place)
        found = await crm.gql("{ stages { nodes { id type } } }")
    return str(next(one["id"] for one in found["stages"]["nodes"] if one["type"] == type))


MOVE = """mutation($id: ID!, $stage: ID!) { dealMove(id: $id, input: {stageId: $stage}) {
  deal { id } errors { code message path } } }"""


async def won(
    crm: TestCrm,
    customer: str,
    amount: str,
    *,
    name: str = "Deal",
    lines: list[Any] | None = None,
    by: Caller | None = None,
    owner: str | None = None,
) -> list[dict[str, Any]]:
    """Win a deal, with an order if there are lines; what was said against it."""
    more = {"ownerId": owner} if owner else {}
    money = {"amount": amount, "currencyCode": "USD"}
    deal = await crm.create(
        "deal", name=name, customerId=customer, amount=money, stageId=await stage(crm, "OPEN"), **more
    )
    if lines:
        await crm.create("order", customerId=customer, dealId=deal, currency="USD", lines=lines)
    errors: list[dict[str, Any]] = (await (by or crm).gql(MOVE, id=deal, stage=await stage(crm, "WON")))["dealMove"][
        "errors"
    ]
    return errors
