"""Exchange with an ERP: customers and orders out; products, prices, stock, credit and the state of orders in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from crmcore.plugins import Crm, Draft, Job, Manifest, PluginEvent, Problem, hookimpl
from crmcore_erp.settings import ErpSettings


class Plugin:
    """The entry point of the distribution."""

    meta = Manifest(
        id="erp",
        title="ERP exchange",
        description="Keeps customers, products, stock, credit, orders, invoices and shipments in step with Tryton.",
        api=">=0.1,<1",
        models=[".models"],
        migrations=".migrations",
        settings=ErpSettings,
        subscribes=["customer.*", "address.*", "contact_point.*", "product.*", "deal.won", "order.placed"],
        checks=["Customer", "Deal"],
    )

    @hookimpl
    def crm_graph(self) -> Sequence[type]:
        """What was exchanged, what the ERP says of customers, products and orders, and what a user decides."""
        from crmcore_erp import graph

        return graph.SHOWN

    @hookimpl
    def crm_jobs(self) -> Sequence[Job]:
        """Sending one record, looking what changed, and looking what is gone."""
        from crmcore_erp import jobs

        return jobs.JOBS

    @hookimpl
    async def crm_on_event(self, event: PluginEvent, crm: Crm) -> None:
        """What changed here is sent there by a job."""
        from crmcore_erp.outbound import ask_for

        await ask_for(event, crm)

    @hookimpl
    @asynccontextmanager
    async def crm_lifespan(self, crm: Crm) -> AsyncIterator[None]:
        """What the checks ask is asked once before anybody waits for it."""
        from crmcore_erp.guarding import rehearse

        await rehearse(crm)
        yield

    @hookimpl
    async def crm_validate(self, drafts: Sequence[Draft], crm: Crm) -> None:
        """A customer with orders under way in the ERP is not deleted."""
        from crmcore_erp.guarding import nothing_open

        await nothing_open(drafts, crm.itself)

    @hookimpl
    async def crm_before_commit(self, drafts: Sequence[Draft], crm: Crm) -> None:
        """A deal is not won beyond the customer's credit limit in the ERP."""
        from crmcore_erp.guarding import within_credit

        await within_credit(drafts, crm.itself)

    @hookimpl
    async def crm_health(self, crm: Crm) -> Sequence[Problem]:
        """Whether the last look at the ERP went well."""
        held = await crm.store.get("health") or {}
        return [Problem("erp.exchange", held["error"], "ERROR")] if held.get("error") else []
