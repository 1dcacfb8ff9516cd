"""Contacts and their links to customers in the graph."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from crmcore.domain import contacts as models
from crmcore.query import Many, Timeline, field, record

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


@record(models.ContactLink)
class ContactLink:
    """A contact at a customer; a customer has at most one living primary contact."""

    customer: Customer | None = field("The customer.")
    contact: Contact | None = field("The person.")
    role: models.ContactRole | None = field("The part the person plays at the customer.")
    is_primary: bool = field("Whether this is the customer's main contact; setting it takes it from the previous one.")
    valid_from: date | None = field("First day of the relation.")
    valid_to: date | None = field("Last day of the relation.")
