"""What email puts into the graph."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from crmcore.domain.contacts import ConsentPurpose
from crmcore.schema import FreeData, Many, Moment, action, arg, extend, field, figure, output, query, record
from crmcore_email import campaigns, choices, messages, models, suppression

if TYPE_CHECKING:
    from crmcore.schema import Contact, Customer


@record(models.EmailTemplate)
class EmailTemplate:
    """A mail with places for what each recipient has of their own: {{ contact.firstName }}. It is checked when it is
    saved: its fields against its selection, and that against the schema."""

    name: str = field("What it is called.")
    language: str | None = field("The language that it is written in, such as en or zh-CN.")
    translation_of: EmailTemplate | None = field("The template that this is in another language.")
    subject: str = field("The subject.")
    format: choices.EmailFormat = field("What the body is written in.")
    body: str = field("The mail, with {{ contact.firstName }}, {% if %} and {% for %}, as Jinja has them.")
    text_body: str | None = field("The mail as plain text; made from the body unless given.")
    selection: str = field(
        "The fields of Contact that it uses, as a query selects them: firstName customers { nodes { name } }"
    )
    translations: Many[EmailTemplate] = field("The same in other languages.", via="translation_of")


@record(models.EmailCampaign)
class EmailCampaign:
    """A mail to a segment of contacts. Whether each of them may get it is asked at the moment of sending."""

    name: str = field("What it is called.")
    template: EmailTemplate | None = field("What is sent; in the recipient's language where there is a translation.")
    purpose: ConsentPurpose = field("What it is for: marketing goes to those only who consented.")
    segment: FreeData = field("Whom it goes to: a where, as contacts(where:) takes it.")
    per_minute: int | None = field("How many mails a minute at most; null: as many as the mail server takes.")
    track: bool = field("Whether opens and clicks are counted.")
    status: choices.EmailCampaignStatus = field("Where it stands.", write="never")
    scheduled_at: datetime | None = field("When it begins.", write="never")
    started_at: datetime | None = field("When it began.", write="never")
    finished_at: datetime | None = field("When the last mail was dealt with.", write="never")
    recipients: int | None = field("How many contacts the segment had when it began.", write="never")
    batches: int | None = field("In how many parts it is sent; null before it begins.", write="never")
    problem: str | None = field("What keeps it from being sent at the moment.", write="never")
    links: list[str] | None = field("The addresses that its mails lead to, by which they are counted.", write="never")
    messages: Many[EmailMessage] = field("Its mails, one for each recipient.")
    queued_count: int = figure("count", "messages", "Mails that wait.", where="{status: {in: [QUEUED, SENDING]}}")
    sent_count: int = figure(
        "count",
        "messages",
        "Mails that the mail server took, and that did not come back.",
        where="{status: {eq: SENT}}",
    )
    bounced_count: int = figure("count", "messages", "Mails that came back.", where="{status: {eq: BOUNCED}}")
    complained_count: int = figure(
        "count", "messages", "Mails that were called spam.", where="{status: {eq: COMPLAINED}}"
    )
    suppressed_count: int = figure(
        "count",
        "messages",
        "Mails that were not sent because the recipient is not to get them.",
        where="{status: {eq: SUPPRESSED}}",
    )
    failed_count: int = figure("count", "messages", "Mails that could not be sent.", where="{status: {eq: FAILED}}")
    opened_count: int = figure(
        "count",
        "messages",
        "Mails that were opened, as far as mail programs tell: fewer and more than were read.",
        where="{openedAt: {isNull: false}}",
    )
    clicked_count: int = figure(
        "count", "messages", "Mails in which a link was followed.", where="{clickedAt: {isNull: false}}"
    )
    unsubscribed_count: int = figure(
        "count", "messages", "Mails by which somebody unsubscribed.", where="{unsubscribedAt: {isNull: false}}"
    )


@record(models.EmailMessage, writes=(), moment=Moment("sent_at", of=("contact", "customer")))
class EmailMessage:
    """One mail to one recipient, and what became of it."""

    campaign: EmailCampaign | None = field("The campaign that it is part of.")
    template: EmailTemplate | None = field("What it was made from.")
    contact: Contact | None = field("Who it is for.")
    customer: Customer | None = field("The customer whose contact that is.")
    address: str | None = field("Where it goes.")
    purpose: ConsentPurpose = field("What it is for.")
    subject: str | None = field("Its subject, once it is written.")
    status: choices.EmailMessageStatus = field("What became of it.")
    reason: str | None = field("Why it was not sent or came back: a word, and what the mail server said.")
    reference: str | None = field("What whoever sent it knows it by.")
    content: FreeData | None = field("What is written in it, until it is sent; of mails that are no campaign's.")
    batch: int = field("Its part of the campaign.")
    attempts: int = field("How often it was handed to the mail server.")
    due_at: datetime | None = field("When it is tried again, where the mail server asked for that.")
    sent_at: datetime | None = field("When the mail server took it.")
    delayed_at: datetime | None = field("When a server said last that it waits there.")
    opened_at: datetime | None = field("When it was first opened, as the mail program tells.")
    machine_opened_at: datetime | None = field(
        "When a program first fetched its images, which says nothing of a reader."
    )
    clicked_at: datetime | None = field("When a link in it was first followed.")
    unsubscribed_at: datetime | None = field("When its recipient unsubscribed by it.")


@record(models.EmailSuppression, writes=("delete",))
class EmailSuppression:
    """An address that gets no mail. Only a hash is kept of it, so that it stays known when its contact is deleted.
    Deleting the record lets it get mail again."""

    address_hash: str = field("SHA-256 over the tenant's id and the address in lower case.")
    reason: choices.EmailSuppressionReason = field("Why.")
    purpose: ConsentPurpose | None = field("What it gets no mail for; null: for anything.")
    note: str | None = field("What was said.")
    at: datetime = field("Since when.")


@extend("Contact")
class ContactEmail:
    """What every contact shows of it."""

    email_messages: Many[EmailMessage] = field("Mails to this person.")


@action(models.EmailCampaign, campaigns.send)
class EmailCampaignSend:
    """Send a campaign that is a draft, at once or at a time."""

    at: datetime | None = arg("When it begins; at once if left out.")


@action(models.EmailCampaign, campaigns.pause)
class EmailCampaignPause:
    """Stop a campaign within fifty mails; what is not sent waits."""


@action(models.EmailCampaign, campaigns.resume)
class EmailCampaignResume:
    """Go on with a campaign that rests."""


@action(models.EmailCampaign, campaigns.cancel)
class EmailCampaignCancel:
    """End a campaign; what is not sent stays so."""


@action(models.EmailMessage, messages.send, creates=True)
class EmailMessageSend:
    """Send one mail. Whether the recipient may get it is asked again at the moment of sending: its status tells."""

    contact: Contact | None = arg("Who it is for; their primary email address unless `to` is given.")
    to: str | None = arg("Where it goes, if not to the contact's own address.")
    purpose: ConsentPurpose = arg("What it is for: marketing goes to contacts only who consented.")
    template: EmailTemplate | None = arg("What it is made from; or else give subject and html.")
    subject: str | None = arg("The subject, without a template.")
    html: str | None = arg(
        "The mail, without a template. It is sent as it is, but for {{ unsubscribeUrl }} and {{ data.x }}."
    )
    data: FreeData | None = arg("What stands in place of {{ data.x }}.")
    reference: str | None = arg("What you know the mail by; a second one with the same reference is not sent.")


@action(models.EmailSuppression, suppression.add, creates=True)
class EmailSuppressionAdd:
    """Send no more mail to an address."""

    address: str = arg("The address.")
    purpose: ConsentPurpose | None = arg("What it gets no mail for; anything if left out.")
    note: str | None = arg("Why.")


@output
class EmailPreview:
    """A mail as a contact would read it."""

    subject: str = field("The subject.")
    html: str = field("The mail.")
    text: str = field("The mail as plain text.")


@query(messages.preview, returns=EmailPreview)
class EmailTemplatePreview:
    """Show a template with a contact's data."""

    template: EmailTemplate = arg("The template.")
    contact: Contact | None = arg("Whose data; those of some contact if left out.")
