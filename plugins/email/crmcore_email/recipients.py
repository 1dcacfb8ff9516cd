"""A campaign begins: its segment becomes one message for each recipient, in batches that are sent apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final
from uuid import UUID

from crmcore.plugins import Create, Crm, GraphQLFailed, JobRun, Update
from crmcore_email.addresses import address_hash
from crmcore_email.choices import EmailCampaignStatus as Status
from crmcore_email.choices import EmailMessageStatus, Why
from crmcore_email.content import TemplateFault, compiled
from crmcore_email.ids import campaign_id, key_of, known
from crmcore_email.messages import source_of_node
from crmcore_email.models import EmailCampaign, EmailMessage

BATCH: Final = 500
_PAGE: Final = 200

_SOURCE: Final = "id subject body format textBody selection"
_CAMPAIGN: Final = f"""query($id: ID!) {{ emailCampaign(id: $id) {{
  version status purpose segment perMinute batches scheduledAt
  template {{ {_SOURCE} translations(first: 100) {{ nodes {{ {_SOURCE} }} }} }} }} }}"""
_CONTACTS: Final = """query($where: ContactFilter, $after: String) {
  contacts(where: $where, first: 200, after: $after, orderBy: [{field: ID}]) {
    nodes { id customers(first: 1) { nodes { id } }
      contactPoints(where: {type: {eq: EMAIL}, status: {notIn: [BOUNCED, INVALID]}},
        orderBy: [{field: IS_PRIMARY, direction: DESC}, {field: ID}], first: 1) { nodes { normalized } } }
    pageInfo { hasNextPage endCursor } } }"""
_THERE: Final = """query($campaign: ID!, $after: String) {
  emailMessages(where: {campaign: {id: {eq: $campaign}}}, first: 200, after: $after, orderBy: [{field: ID}]) {
    nodes { batch address contact { id } } pageInfo { hasNextPage endCursor } } }"""


async def begin(crm: Crm, run: JobRun) -> Any:
    """Find the recipients and hand the batches out. Run again after a crash, it goes on with those that it lacks."""
    key = UUID(run.payload["campaign"])
    campaign = (await crm.gql(_CAMPAIGN, id=campaign_id(key)))["emailCampaign"]
    if (
        campaign is None
        or campaign["status"] not in (Status.SCHEDULED, Status.SENDING)
        or (campaign["batches"] is not None)
    ):
        return None  # deleted, paused, cancelled, or begun
    if campaign["status"] == Status.SCHEDULED:
        if (at := datetime.fromisoformat(campaign["scheduledAt"])) > crm.now():
            await crm.enqueue("campaign", dict(run.payload), run_at=at)
            return None
        started = {"status": Status.SENDING, "started_at": crm.now()}
        await crm.write([Update(EmailCampaign, key, started, expected_version=campaign["version"], moves=True)])
    try:
        links = await _links(crm, campaign["template"])
        total = await _Gathering(crm, run, key, campaign).gather()
    except (GraphQLFailed, TemplateFault) as failed:
        stopped = {"status": Status.PAUSED, "problem": f"The template or the segment no longer fits: {failed}"[:1000]}
        await crm.write([Update(EmailCampaign, key, stopped, moves=True)])
        return None
    batches = ceil(total / size_of(campaign["perMinute"])) if total else 0
    async with crm.transaction() as tx:
        await crm.write([Update(EmailCampaign, key, {"recipients": total, "batches": batches, "links": links})])
        await hand_out(crm, key, batches, campaign["perMinute"])
        await run.finish(tx, {"recipients": total})
    return None


async def _links(crm: Crm, template: Mapping[str, Any]) -> list[str]:
    """The addresses that the template leads to, in all its languages."""
    rows = [template, *template["translations"]["nodes"]]
    ready = [await crm.in_thread(compiled, source_of_node(row)) for row in rows]
    return list(dict.fromkeys(link for one in ready for link in one.links))


async def go_on(crm: Crm, run: JobRun) -> None:
    """Hand out the batches of a campaign that rested; those that are done end at once."""
    key = UUID(run.payload["campaign"])
    campaign = (await crm.gql(_CAMPAIGN, id=campaign_id(key)))["emailCampaign"]
    if campaign is not None and campaign["status"] == Status.SENDING:
        await hand_out(crm, key, campaign["batches"] or 0, campaign["perMinute"])


async def hand_out(crm: Crm, campaign: UUID, batches: int, per_minute: int | None) -> None:
    """A job for each batch, each at its time. The pace is kept by the clock: a batch is never more than a minute's."""
    for number in range(max(1, batches)):
        pause = timedelta(minutes=number * size_of(per_minute) / per_minute) if per_minute else timedelta()
        await crm.enqueue(
            "batch", {"campaign": str(campaign), "batch": number}, run_at=crm.now() + pause,
            unique_key=f"batch-{campaign}-{number}",
        )  # fmt: skip


def size_of(per_minute: int | None) -> int:
    """How many mails are in a batch."""
    return min(BATCH, per_minute) if per_minute else BATCH


class _Gathering:
    """The recipients of one campaign, a page at a time."""

    def __init__(self, crm: Crm, run: JobRun, campaign: UUID, row: Mapping[str, Any]) -> None:
        self._crm = crm
        self._run = run
        self._campaign = campaign
        self._row = row
        self._size = size_of(row["perMinute"])
        self._contacts: set[str] = set()
        self._addresses: set[str] = set()

    async def gather(self) -> int:
        """Make the messages that are not there; how many there are."""
        await self._there()
        after: str | None = None
        while True:
            page = (await self._crm.gql(_CONTACTS, where=self._row["segment"], after=after))["contacts"]
            await self._make([node for node in page["nodes"] if node["id"] not in self._contacts])
            after = page["pageInfo"]["endCursor"]
            await self._run.progress(len(self._contacts), None, "recipients")
            if not page["pageInfo"]["hasNextPage"]:
                return len(self._contacts)

    async def _there(self) -> None:
        """What an attempt before this one has made."""
        after: str | None = None
        while True:
            page = (await self._crm.gql(_THERE, campaign=campaign_id(self._campaign), after=after))["emailMessages"]
            for node in page["nodes"]:
                if node["contact"]:
                    self._contacts.add(node["contact"]["id"])
                if node["address"]:
                    self._addresses.add(address_hash(self._crm.tenant_id, node["address"]))
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                return

    async def _make(self, contacts: Sequence[Mapping[str, Any]]) -> None:
        made = []
        for contact in contacts:
            points, customers = contact["contactPoints"]["nodes"], contact["customers"]["nodes"]
            address = points[0]["normalized"] if points else None
            values: dict[str, Any] = {
                "campaign_id": self._campaign, "template_id": key_of(self._row["template"]["id"]),
                "contact_id": known(contact["id"]), "customer_id": known(customers[0]["id"]) if customers else None,
                "address": address, "purpose": self._row["purpose"], "batch": len(self._contacts) // self._size,
            }  # fmt: skip
            why = self._against(address)
            if why:
                values |= {"status": EmailMessageStatus.SUPPRESSED, "reason": why}
            self._contacts.add(contact["id"])
            made.append(Create(EmailMessage, values))
        if made:
            await self._crm.write(made)

    def _against(self, address: str | None) -> str:
        """Why a contact gets no mail, whatever they said: nowhere to send it, or somebody else gets it there."""
        if address is None:
            return f"{Why.NO_ADDRESS}: the contact has no email address that takes mail."
        hashed = address_hash(self._crm.tenant_id, address)
        if hashed in self._addresses:
            return f"{Why.SAME_ADDRESS}: another contact of the campaign has the same address."
        self._addresses.add(hashed)
        return ""
