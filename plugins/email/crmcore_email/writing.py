"""What each recipient of a campaign reads: their data by one query, in the template of their language."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from crmcore.domain.contacts import ConsentPurpose
from crmcore.plugins import Crm, Update
from crmcore_email.content import Compiled, Content, TemplateFault, compiled, rendered_all
from crmcore_email.ids import known
from crmcore_email.links import click_urls, pixel_url, unsubscribe_url
from crmcore_email.messages import source_of_node
from crmcore_email.models import EmailCampaign
from crmcore_email.sending import Node
from crmcore_email.settings import EmailSettings

_LANGUAGES = "crmLanguages: customers(first: 1) { nodes { language } }"


class Templates:
    """The template of a campaign in its languages."""

    def __init__(self, crm: Crm, settings: EmailSettings, campaign: Mapping[str, Any]) -> None:
        self._crm = crm
        self._campaign = campaign
        self._tracks = settings.track and campaign["track"]
        main = campaign["template"]
        self._main = main
        self._by_language = {
            row["language"].casefold(): row for row in (*main["translations"]["nodes"], main) if row["language"]
        }

    async def write(self, nodes: Sequence[Node], purpose: ConsentPurpose) -> dict[UUID, Content | TemplateFault]:
        """What each reads, by the message's key. TemplateFault or GraphQLFailed if a template cannot be used at all."""
        people = [node["contact"]["id"] for node in nodes if node["contact"]]
        rows = await self._rows(people, self._main)
        groups: defaultdict[str, list[Node]] = defaultdict(list)
        chosen = {self._main["id"]: self._main}
        for node in nodes:
            template = self._for(rows.get(node["contact"]["id"]) if node["contact"] else None)
            chosen[template["id"]] = template
            groups[template["id"]].append(node)
        found: dict[UUID, Content | TemplateFault] = {}
        for template_id, group in groups.items():
            template = chosen[template_id]
            own = rows
            if template is not self._main:
                own = await self._rows([node["contact"]["id"] for node in group], template)
            ready = await self._crm.in_thread(compiled, source_of_node(template))
            places = await self._places(ready)
            data = [self._data(node, own.get(node["contact"]["id"]), places, purpose) for node in group]
            contents = await self._crm.in_thread(rendered_all, ready, data)
            found |= {known(node["id"]): content for node, content in zip(group, contents, strict=True)}
        return found

    def _for(self, row: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """The template of a recipient's language: `de-AT`, else `de`, else the campaign's own."""
        customers = row["crmLanguages"]["nodes"] if row else ()
        language = (customers[0]["language"] or "").casefold() if customers else ""
        found: Mapping[str, Any] = (
            self._by_language.get(language) or self._by_language.get(language.partition("-")[0]) or self._main
        )
        return found

    async def _rows(self, people: Sequence[str], template: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        if not people:
            return {}
        document = f"""query($ids: [ID!]) {{ contacts(where: {{id: {{in: $ids}}}}, first: 200) {{
          nodes {{ crmId: id {_LANGUAGES} {template["selection"]} }} }} }}"""
        nodes = (await self._crm.gql(document, ids=list(people)))["contacts"]["nodes"]
        return {row["crmId"]: row for row in nodes}

    async def _places(self, ready: Compiled) -> list[int]:
        """Where a template's links stand in the campaign's list, to which those that are new are added: only what is
        there can be reached by a link in a mail."""
        if not self._tracks or not ready.links:
            return []
        kept = list(self._campaign["links"] or ())
        fresh = [link for link in dict.fromkeys(ready.links) if link not in kept]
        if fresh:
            kept += fresh
            key = known(self._campaign["id"])
            await self._crm.write([
                Update(EmailCampaign, key, {"links": kept}, expected_version=self._campaign["version"])
            ])  # fmt: skip
        return [kept.index(link) for link in ready.links]

    def _data(
        self, node: Node, contact: Mapping[str, Any] | None, places: Sequence[int], purpose: ConsentPurpose
    ) -> dict[str, Any]:
        key = known(node["id"])
        data: dict[str, Any] = {
            "contact": contact or {},
            "campaign": {"name": self._campaign["name"]},
            "unsubscribeUrl": unsubscribe_url(self._crm, key, purpose),
            "data": {},
        }
        if self._tracks:
            data["pixel"] = pixel_url(self._crm, key)
            if places:
                data["links"] = click_urls(self._crm, key, places)
        return data
