"""Customers, addresses and contact points in the graph."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from crmcore.domain import contacts
from crmcore.domain import customers as models
from crmcore.query import Many, Money, Timeline, field, figure, record
from crmcore.schema.actions import action, arg

if TYPE_CHECKING:
    from crmcore.schema.activities import Interaction, Task
    from crmcore.schema.care import CarePlan, Touchpoint
    from crmcore.schema.cases import Case
    from crmcore.schema.contacts import Contact, ContactLink
    from crmcore.schema.deals import Deal, Order


@record(models.Customer)
class Customer:
    """A company or person that buys, may buy or has bought; also partners, dealers and suppliers."""

    kind: models.CustomerKind = field("Whether this is a company or a private person.")
    name: str = field("The name everybody uses.")
    legal_name: str | None = field("The name in contracts and on invoices.")
    tax_id: str | None = field("Tax or VAT number, unique among living customers.")
    roles: list[models.CustomerRole] = field("The parts this party plays for us.")
    industry: str | None = field("Line of business.")
    size: models.CompanySize | None = field("Size class by number of staff.")
    employees: int | None = field("Number of staff.")
    annual_revenue: Money | None = field("What the company turns over in a year.", currency="annual_revenue_currency")
    founded_year: int | None = field("The year the company was founded.")
    business_status: str | None = field("How the customer's own business is going.")
    lifecycle_stage: models.LifecycleStage = field("Where the customer stands between first contact and loyalty.")
    importance: models.Importance | None = field("ABC class; A needs the most care.")
    importance_basis: models.ImportanceBasis | None = field("Whether the importance was computed or set by hand.")
    is_key_account: bool = field("Whether this is a customer we cannot afford to lose.")
    source: str | None = field("Where the customer came from.")
    birth_date: date | None = field("A person's date of birth.")
    gender: models.Gender | None = field("A person's gender, as they state it.")
    language: str | None = field("Preferred language, a BCP 47 tag such as de or zh-Hans.")
    time_zone: str | None = field("IANA time zone, such as Europe/Berlin.")
    preferred_channel: models.Channel | None = field("How the customer wants to be contacted.")
    parent: Customer | None = field("The customer this one belongs to, such as a holding company.")
    merged_into: Customer | None = field("Who this customer became, where it was merged.", write="never")
    verified_at: datetime | None = field("When somebody last checked that the data is right.")
    first_order_at: datetime | None = field("When the first order was placed.", write="never")
    last_order_at: datetime | None = field("When the latest order was placed.", write="never")
    last_interaction_at: datetime | None = field("When we were last in touch.", write="never")
    children: Many[Customer] = field("The customers that belong to this one.", via="parent")
    contact_links: Many[ContactLink] = field("The contacts here, with the part each plays.")
    contacts: Many[Contact] = field("The people at this customer.", through=contacts.ContactLink)
    contact_points: Many[ContactPoint] = field("Email addresses, phone numbers and the like of the customer itself.")
    addresses: Many[Address] = field("Where the customer is.")
    deals: Many[Deal] = field("Sales in progress, won and lost.")
    open_deal_count: int = figure(
        "count", "deals", "How many sales are in progress.", where="{stage: {type: {eq: OPEN}}}"
    )
    orders: Many[Order] = field("What the customer ordered.")
    cases: Many[Case] = field("Questions, requests and complaints.")
    open_case_count: int = figure(
        "count",
        "cases",
        "How many cases still need an answer or a solution.",
        where="{status: {notIn: [RESOLVED, CLOSED, REJECTED, DUPLICATE, MERGED]}}",
    )
    interactions: Many[Interaction] = field("Every exchange with the customer.")
    timeline: Timeline = field(
        "What happened with the customer: exchanges, deals and cases on their way, orders placed, care given."
    )
    tasks: Many[Task] = field("What is to do for the customer.")
    care_plans: Many[CarePlan] = field("The plans by which the customer is cared for.")
    touchpoints: Many[Touchpoint] = field("Planned and past care contacts.")


@record(models.Address)
class Address:
    """A postal address of a customer or a contact."""

    customer: Customer | None = field("The customer who is there, if it is a customer's.")
    contact: Contact | None = field("The contact who is there, if it is a contact's.")
    type: models.AddressType = field("What the address is for.")
    lines: str | None = field("Street, house number and the like; lines separated by a newline.")
    city: str | None = field("City or town.")
    region: str | None = field("State, province or county.")
    postcode: str | None = field("Postal code.")
    country: str | None = field("Country.")


@record(models.ContactPoint)
class ContactPoint:
    """An email address, phone number or the like of a customer or a contact."""

    customer: Customer | None = field("The customer it reaches, if it is a customer's.")
    contact: Contact | None = field("The contact it reaches, if it is a contact's.")
    type: models.PointType = field("What kind of contact point it is.")
    value: str = field("The address or number as it was given.")
    normalized: str = field("The form in which it is compared: folded email, digits of a number.", write="never")
    label: str | None = field("What it is called, such as office or home.")
    is_primary: bool = field("Whether it is the one to use first.")
    status: models.PointStatus = field("Whether it is known to work.")


@record(models.Uniqueness, writes=())
class Uniqueness:
    """What you want to be unique among living records, beside tax ids of customers and external references, which
    always are. uniquenessUpdate changes it; until then there is none, and nothing more is unique."""

    emails: bool = field("Whether an email address may be a contact point of one customer or contact only.")
    phones: bool = field("Whether a phone or mobile number may be a contact point of one customer or contact only.")


@action(models.Uniqueness, models.update_uniqueness, creates=True)
class UniquenessUpdate:
    """Say what is to be unique. It is refused, and the values are named, while several living records share one. A
    deleted record is in nobody's way, and is restored only if its value is free."""

    emails: bool | None = arg("Whether an email address may be had only once; as it was unless given.")
    phones: bool | None = arg("Whether a phone or mobile number may be had only once; as it was unless given.")
