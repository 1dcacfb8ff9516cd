"""One mail, sent because somebody or another plugin asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID, uuid4

from crmcore.domain.contacts import ConsentPurpose
from crmcore.errors import Invalid, NotFound
from crmcore.plugins import Context, Create, Crm, GraphQLFailed, crm_of, require
from crmcore_email.addresses import normal
from crmcore_email.content import Content, Source, TemplateFault, compiled
from crmcore_email.ids import contact_id, key_of, known, template_id
from crmcore_email.links import unsubscribe_url
from crmcore_email.models import EmailMessage

_TEMPLATE: Final = "query($id: ID!) { emailTemplate(id: $id) { subject body format textBody selection } }"
_SAME: Final = "query($r: String!) { emailMessages(where: {reference: {eq: $r}}, first: 1) { nodes { id } } }"
_POINTS: Final = """crmCustomers: customers(first: 1) { nodes { id } }
  crmPoints: contactPoints(where: {type: {eq: EMAIL}, status: {notIn: [BOUNCED, INVALID]}},
    orderBy: [{field: IS_PRIMARY, direction: DESC}, {field: ID}], first: 1) { nodes { normalized } }"""


async def send(
    ctx: Context,
    *,
    purpose: ConsentPurpose,
    contact_id: UUID | None = None,
    to: str | None = None,
    template_id: UUID | None = None,
    subject: str | None = None,
    html: str | None = None,
    data: Any = None,
    reference: str | None = None,
) -> UUID:
    """Write a mail now, with what the caller may see, and have it sent; the message's id. The same reference again is
    the same message."""
    require(ctx, "email.send")
    crm = crm_of(ctx, "email")
    await crm.settings()
    if reference and (same := await _same(crm, reference)) is not None:
        return same
    if contact_id is None and (to is None or purpose == ConsentPurpose.MARKETING):
        raise Invalid("Say to which contact: only a contact can have consented to marketing.", "contactId")
    source = await _source(crm, template_id, subject, html)
    contact = await _contact(crm, contact_id, source.selection) if contact_id else {}
    points = (contact.get("crmPoints") or {}).get("nodes") or ()
    address = normal(to) if to is not None else (points[0]["normalized"] if points else None)
    if address is None:
        raise Invalid(
            "The contact has no email address that takes mail: give one, or say where to send it.", "contactId"
        )
    key = uuid4()
    shown = {"contact": contact, "data": data if data is not None else {}}
    written = await _written(crm, source, {**shown, "unsubscribeUrl": unsubscribe_url(crm, key, purpose)})
    customers = (contact.get("crmCustomers") or {}).get("nodes") or ()
    values = {
        "contact_id": contact_id, "template_id": template_id, "address": address, "purpose": purpose,
        "customer_id": key_of(customers[0]["id"]) if customers else None, "subject": written.subject,
        "reference": reference, "content": {**asdict(written), "stranger": contact_id is None},
    }  # fmt: skip
    async with crm.transaction():
        await crm.write([Create(EmailMessage, values, id=key)])
        await crm.enqueue("message", {"message": str(key)}, unique_key=f"message-{key}")
    return key


async def preview(ctx: Context, *, template_id: UUID, contact_id: UUID | None = None) -> Mapping[str, str]:
    """A template as a contact would read it; with the data of some contact unless one is named."""
    crm = crm_of(ctx, "email")
    source = await _source(crm, template_id, None, None)
    if contact_id is None:
        some = (await crm.gql("{ contacts(first: 1) { nodes { id } } }"))["contacts"]["nodes"]
        if not some:
            raise Invalid("There is no contact whose data could be shown: make one.", "contactId")
        contact_id = known(some[0]["id"])
    contact = await _contact(crm, contact_id, source.selection)
    shown = {"contact": contact, "unsubscribeUrl": crm.url("unsubscribe/preview"), "campaign": {"name": ""}, "data": {}}
    found = await _written(crm, source, shown)
    return {"subject": found.subject, "html": found.html, "text": found.text}


async def _same(crm: Crm, reference: str) -> UUID | None:
    nodes = (await crm.of(crm.tenant_id).gql(_SAME, r=reference))["emailMessages"]["nodes"]
    return known(nodes[0]["id"]) if nodes else None


async def _source(crm: Crm, template: UUID | None, subject: str | None, html: str | None) -> Source:
    if template is None:
        if not subject or not html:
            raise Invalid("Give a template, or a subject and html.", "html" if subject else "subject")
        return Source(subject, html)
    if subject is not None or html is not None:
        raise Invalid("Give a template, or a subject and html: not both.", "templateId")
    row = (await crm.gql(_TEMPLATE, id=template_id(template)))["emailTemplate"]
    if row is None:
        raise NotFound("templateId names no email template.", "templateId")
    return source_of_node(row)


def source_of_node(row: Mapping[str, Any]) -> Source:
    """A template as the graph answers it."""
    selection = " ".join(row["selection"].split())
    return Source(row["subject"], row["body"], row["format"], row["textBody"] or "", selection)


async def _contact(crm: Crm, contact: UUID, selection: str) -> dict[str, Any]:
    try:
        document = f"query($id: ID!) {{ contact(id: $id) {{ {selection} {_POINTS} }} }}"
        row: dict[str, Any] | None = (await crm.gql(document, id=contact_id(contact)))["contact"]
    except GraphQLFailed as failed:
        raise Invalid(f"The template's selection no longer fits: {failed}", "templateId") from failed
    if row is None:
        raise NotFound("contactId names no contact, or one that you may not see.", "contactId")
    return row


async def _written(crm: Crm, source: Source, data: Mapping[str, Any]) -> Content:
    try:
        ready = await crm.in_thread(compiled, source)
        return await crm.in_thread(ready.render, data)
    except TemplateFault as fault:
        raise Invalid(
            fault.message, "templateId" if source.selection else fault.part.replace("body", "html")
        ) from fault
