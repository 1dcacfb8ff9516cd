"""The jobs that send: a batch of a campaign, and a single mail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from crmcore.domain.contacts import ConsentPurpose
from crmcore.plugins import Crm, GiveUp, GraphQLFailed, JobRun, RunLater, Update
from crmcore_email.addresses import domain_of
from crmcore_email.choices import EmailCampaignStatus, EmailMessageStatus
from crmcore_email.content import Content, TemplateFault
from crmcore_email.delivery import Pools, Unreachable
from crmcore_email.ids import campaign_id, known, message_gid
from crmcore_email.models import EmailCampaign
from crmcore_email.sending import FIELDS, Node, Round, form_of, interrupted, is_due
from crmcore_email.writing import Templates

CHUNK: Final = 50

_BATCH: Final = f"""query($id: ID!, $batch: Int!, $after: String) {{
  emailCampaign(id: $id) {{ id version status name purpose track problem links
    template {{ id language subject body format textBody selection
      translations(first: 100) {{ nodes {{ id language subject body format textBody selection }} }} }} }}
  emailMessages(where: {{campaign: {{id: {{eq: $id}}}}, batch: {{eq: $batch}}, status: {{in: [QUEUED, SENDING]}}}},
    first: {CHUNK}, after: $after, orderBy: [{{field: ID}}]) {{
    nodes {{ {FIELDS} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
_LEFT: Final = """query($id: ID!) {
  emailCampaign(id: $id) { version status }
  emailMessages(where: {campaign: {id: {eq: $id}}, status: {in: [QUEUED, SENDING]}}, first: 1) { nodes { id } } }"""
_ONE: Final = f"query($id: ID!) {{ emailMessage(id: $id) {{ {FIELDS} purpose content }} }}"


class Jobs:
    """The jobs of one app, which share its connections to mail servers."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    async def batch(self, crm: Crm, run: JobRun) -> Any:
        """Send what waits in a batch, fifty at a time. Between them a pause, a consent withdrawn and an address
        that came onto the list are heard."""
        settings = await crm.settings()
        key, number = UUID(run.payload["campaign"]), int(run.payload["batch"])
        after: str | None = None
        later: datetime | None = None
        done = 0
        while True:
            found = await crm.gql(_BATCH, id=campaign_id(key), batch=number, after=after)
            campaign, page = found["emailCampaign"], found["emailMessages"]
            if campaign is None or campaign["status"] != EmailCampaignStatus.SENDING:
                return {"sent": done}
            purpose = ConsentPurpose(campaign["purpose"])
            list_id = f"{key.hex}.{domain_of(settings.from_address)}"
            round_ = Round(crm, settings, self._pools.of(crm, settings), purpose, form_of(settings, purpose, list_id))
            interrupted(round_, [n for n in page["nodes"] if n["status"] == EmailMessageStatus.SENDING])
            waiting = [node for node in page["nodes"] if node["status"] == EmailMessageStatus.QUEUED]
            due = [node for node in waiting if is_due(node, crm.now())]
            await self._send(crm, round_, campaign, due)
            done += len(due)
            later = _earliest(later, [node for node in waiting if not is_due(node, crm.now())])
            await run.progress(done)
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        await self._end(crm, key, number, later)
        return {"sent": done}

    async def _send(self, crm: Crm, round_: Round, campaign: Mapping[str, Any], due: Sequence[Node]) -> None:
        admitted = await round_.admitted(due)
        try:
            written = await Templates(crm, round_.settings, campaign).write(admitted, round_.purpose)
        except (TemplateFault, GraphQLFailed) as error:
            await _stop(crm, campaign, f"The template cannot be used: {error}")
            raise GiveUp(str(error)) from error
        try:
            await round_.send(admitted, written)
        except Unreachable as error:
            await _problem(crm, campaign, f"The mail server is not to be reached: {error}")
            raise RunLater(str(error), at=crm.now() + timedelta(minutes=2)) from error
        if campaign["problem"]:
            await _problem(crm, campaign, None)

    async def _end(self, crm: Crm, key: UUID, number: int, later: datetime | None) -> None:
        """A batch is over: it comes back for what waits, or the campaign is over too."""
        again = await crm.gql(_BATCH, id=campaign_id(key), batch=number, after=None)
        later = _earliest(later, again["emailMessages"]["nodes"])
        if later is not None:
            raise RunLater("The mail server asked to try some later.", at=max(later, crm.now()), counts=False)
        left = await crm.gql(_LEFT, id=campaign_id(key))
        campaign = left["emailCampaign"]
        if not left["emailMessages"]["nodes"] and campaign["status"] == EmailCampaignStatus.SENDING:
            over = {"status": EmailCampaignStatus.SENT, "finished_at": crm.now(), "problem": None}
            await crm.write([Update(EmailCampaign, key, over, moves=True)])

    async def message(self, crm: Crm, run: JobRun) -> Any:
        """Send one mail, whose words were written when it was asked for."""
        settings = await crm.settings()
        node = (await crm.gql(_ONE, id=message_gid(UUID(run.payload["message"]))))["emailMessage"]
        if node is None or node["status"] not in (EmailMessageStatus.QUEUED, EmailMessageStatus.SENDING):
            return None
        purpose = ConsentPurpose(node["purpose"])
        round_ = Round(crm, settings, self._pools.of(crm, settings), purpose, form_of(settings, purpose))
        if node["status"] == EmailMessageStatus.SENDING:
            interrupted(round_, [node])
            await round_.write()
            return None
        held = dict(node["content"])
        round_.strangers = held.pop("stranger")
        admitted = await round_.admitted([node])
        try:
            await round_.send(admitted, {known(node["id"]): Content(**held)})
        except Unreachable as error:
            raise RunLater(str(error), at=crm.now() + timedelta(seconds=30) * 2 ** min(run.attempt, 8)) from error
        node = (await crm.gql(_ONE, id=node["id"]))["emailMessage"]
        if node["status"] == EmailMessageStatus.QUEUED:
            raise RunLater(
                "The mail server asked to try later.", at=datetime.fromisoformat(node["dueAt"]), counts=False
            )
        return {"status": node["status"]}


def _earliest(known_: datetime | None, nodes: Sequence[Node]) -> datetime | None:
    times = [datetime.fromisoformat(node["dueAt"]) for node in nodes if node["dueAt"]]
    return min([*times, *([known_] if known_ else [])], default=None)


async def _problem(crm: Crm, campaign: Mapping[str, Any], said: str | None) -> None:
    await crm.write([Update(EmailCampaign, known(campaign["id"]), {"problem": said and said[:1000]})])


async def _stop(crm: Crm, campaign: Mapping[str, Any], said: str) -> None:
    values = {"status": EmailCampaignStatus.PAUSED, "problem": said[:1000]}
    await crm.write([Update(EmailCampaign, known(campaign["id"]), values, moves=True)])
