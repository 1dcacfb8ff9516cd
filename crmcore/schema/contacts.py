"""Contacts and their links to customers in the graph."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from crmcore.domain import contacts as models
from crmcore.domain.customers import Channel
from crmcore.query import Many, Timeline, expression, field, record
from crmcore.schema.actions import action, arg

if TYPE_CHECKING:
    from crmcore.schema.activities import Interaction
    from crmcore.schema.cases import Case
    from crmcore.schema.customers import Address, ContactPoint, Customer


@record(models.Contact)
class Contact:
    """A person at one or several customers."""

    first_name: str | None = field("Given name.")
    last_name: str | None = field("Family name.")
    name: str = field("Full name in its native order; made from the parts unless given.", derived=True)
    native_name_order: models.NameOrder = field("Which part of the name comes first.")
    title: str | None = field("Job title.")
    department: str | None = field("Department.")
    salutation: str | None = field("How to address the person, such as Dr.")
    birthday: date | None = field("Date of birth.")
    do_not_contact: bool = field("Whether the person asked not to be contacted at all.")
    merged_into: Contact | None = field("Who this contact became, where it was merged.", write="never")
    customer_links: Many[ContactLink] = field("The customers the person belongs to, with the part played there.")
    customers: Many[Customer] = field("The customers the person belongs to.", through=models.ContactLink)
    contact_points: Many[ContactPoint] = field("Email addresses, phone numbers and the like.")
    addresses: Many[Address] = field("Where the person is.")
    timeline: Timeline = field("What happened with the person: exchanges, cases on their way, care given.")
    interactions: Many[Interaction] = field("Exchanges with this person.")
    cases: Many[Case] = field("Cases this person raised.")
    consents: Many[Consent] = field(
        "What the person said about being reached; isCurrent tells the last word for each channel and purpose."
    )


@record(models.ContactLink)
class ContactLink:
    """A contact at a customer; a customer has at most one living primary contact."""

    customer: Customer | None = field("The customer.")
    contact: Contact | None = field("The person.")
    role: models.ContactRole | None = field("The part the person plays at the customer.")
    is_primary: bool = field("Whether this is the customer's main contact; setting it takes it from the previous one.")
    valid_from: date | None = field("First day of the relation.")
    valid_to: date | None = field("Last day of the relation.")


@record(models.Consent, writes=())
class Consent:
    """What a contact said about being reached by a channel for a purpose. It is never changed: what is said later is
    recorded beside it, by consentRecord."""

    contact: Contact | None = field("Who said it.")
    channel: Channel = field("The way of reaching the person.")
    purpose: models.ConsentPurpose = field("What for.")
    state: models.ConsentState = field("What was said.")
    method: str = field("How it was said, such as a form, a call or a link in a mail.")
    evidence: str | None = field("What proves it: the text that was shown, the address it came from.")
    at: datetime = field("When it was said.")
    expires_at: datetime | None = field("From when on it no longer counts; null if it has no end.")
    is_current: bool = field("Whether it is the last word for this channel and purpose.")
    in_force: bool = expression(
        "({is_current} AND {state} = 'GRANTED' AND ({expires_at} IS NULL OR {expires_at} > {now}))",
        "Whether it is a yes that counts now.",
    )


@action(models.Consent, models.record_consent, creates=True)
class ConsentRecord:
    """Record what a contact said about being reached. It is current unless something later is recorded."""

    contact: Contact = arg("Who said it.")
    channel: Channel = arg("The way of reaching the person.")
    purpose: models.ConsentPurpose = arg("What for.")
    state: models.ConsentState = arg("What was said.")
    method: str = arg("How it was said, such as a form, a call or a link in a mail.")
    evidence: str | None = arg("What proves it: the text that was shown, the address it came from.")
    at: datetime | None = arg("When it was said; now if left out.")
    expires_at: datetime | None = arg("From when on it no longer counts.")
