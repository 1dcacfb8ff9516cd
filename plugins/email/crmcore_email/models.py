"""What the email plugin stores."""

from __future__ import annotations

from typing import Any, ClassVar

from crmcore.domain.contacts import ConsentPurpose
from crmcore.plugins import (
    Access,
    Choice,
    Event,
    Flag,
    Folded,
    Int,
    Json,
    Machine,
    OwnedRecord,
    Record,
    Rules,
    Text,
    Unique,
    UtcDatetime,
    reference,
    through,
)
from crmcore_email import rules
from crmcore_email.choices import (
    MOVES,
    EmailCampaignStatus,
    EmailFormat,
    EmailMessageStatus,
    EmailSuppressionReason,
)


class EmailTemplate(Record):
    """A mail with places for what each recipient has of their own; one for each language."""

    name = Text(200)
    name_folded = Folded(of="name")
    language = Text(35, null=True)
    translation_of: Any = reference("email.EmailTemplate", "CASCADE", null=True)
    subject = Text(500)
    format = Choice(EmailFormat, default=EmailFormat.HTML)
    body = Text(250_000)
    text_body = Text(100_000, null=True)
    selection = Text(4000, default="name")

    special: ClassVar[Rules] = Rules(
        unique=(Unique(("translation_of_id", "language")),),
        rules=(rules.of_a_language,),
        checks=(rules.can_be_sent,),
        search=("name",),
    )

    class Meta(Record.Meta):
        table = "email_template"


class EmailCampaign(OwnedRecord):
    """A mail to all contacts for whom `segment`, a `where` of the API, holds when it is sent."""

    name = Text(200)
    name_folded = Folded(of="name")
    template: Any = reference("email.EmailTemplate", "RESTRICT")
    purpose = Choice(ConsentPurpose, default=ConsentPurpose.MARKETING)
    segment = Json()
    per_minute = Int(null=True)
    track = Flag(default=True)
    status = Choice(EmailCampaignStatus, default=EmailCampaignStatus.DRAFT)
    scheduled_at = UtcDatetime(null=True)
    started_at = UtcDatetime(null=True)
    finished_at = UtcDatetime(null=True)
    recipients = Int(null=True)
    batches = Int(null=True)
    problem = Text(1000, null=True)
    links = Json(null=True)

    special: ClassVar[Rules] = Rules(
        rules=(rules.a_pace,),
        checks=(rules.reaches_contacts, rules.unchanged_once_begun),
        machine=Machine("status", EmailCampaignStatus.DRAFT, MOVES),
        events=(Event("email_campaign.sent", "Every mail of a campaign was dealt with.", on="status", to="SENT"),),
        search=("name",),
    )

    class Meta(OwnedRecord.Meta):
        table = "email_campaign"


class EmailMessage(Record):
    """One mail to one recipient.

    `batch` is its part of the campaign; `content` what is written in it, where that is no campaign's; `due_at` when it
    is tried next.
    """

    campaign: Any = reference("email.EmailCampaign", "CASCADE", null=True)
    template: Any = reference("email.EmailTemplate", "SET NULL", null=True)
    contact: Any = reference("core.Contact", "SET NULL", null=True)
    customer: Any = reference("core.Customer", "SET NULL", null=True)
    address = Text(320, null=True)
    purpose = Choice(ConsentPurpose)
    subject = Text(900, null=True)
    status = Choice(EmailMessageStatus, default=EmailMessageStatus.QUEUED)
    reason = Text(600, null=True)
    reference = Text(200, null=True)
    content = Json(null=True)
    batch = Int(default=0)
    attempts = Int(default=0)
    due_at = UtcDatetime(null=True)
    sent_at = UtcDatetime(null=True)
    delayed_at = UtcDatetime(null=True)
    opened_at = UtcDatetime(null=True)
    machine_opened_at = UtcDatetime(null=True)
    clicked_at = UtcDatetime(null=True)
    unsubscribed_at = UtcDatetime(null=True)

    special: ClassVar[Rules] = Rules(
        unique=(Unique(("campaign_id", "contact_id")),),
        personal=("address", "subject", "reason", "content"),
        events=tuple(
            Event(f"email_message.{status.lower()}", said, on="status", to=status)
            for status, said in (
                (EmailMessageStatus.SENT, "The mail server took a mail."),
                (EmailMessageStatus.BOUNCED, "A mail came back: there is no such mailbox, or it takes none."),
                (EmailMessageStatus.COMPLAINED, "A recipient called a mail spam."),
                (EmailMessageStatus.SUPPRESSED, "A mail was not sent, because the recipient is not to get it."),
                (EmailMessageStatus.FAILED, "A mail could not be sent."),
            )
        ),
    )
    access: ClassVar[Access] = through("contact", "customer")

    class Meta(Record.Meta):
        table = "email_message"
        indexes = (
            ("tenant_id", "campaign_id", "status", "batch", "id"),
            ("tenant_id", "contact_id", "sent_at", "id"),
            ("tenant_id", "customer_id", "sent_at", "id"),
            ("tenant_id", "reference", "id"),
        )


class EmailSuppression(Record):
    """An address that gets no mail, or none for a purpose. Only a hash of it is kept, so it outlives the contact."""

    address_hash = Text(64)
    reason = Choice(EmailSuppressionReason)
    purpose = Choice(ConsentPurpose, null=True)
    note = Text(600, null=True)
    at = UtcDatetime()

    class Meta(Record.Meta):
        table = "email_suppression"
        indexes = (("tenant_id", "address_hash", "id"),)
