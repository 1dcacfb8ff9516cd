"""Customers, and where and how they are reached."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from crmcore.domain.customers import events, rules
from crmcore.kit.choices import Choices
from crmcore.platform.access import Access, through
from crmcore.platform.fields import Choice, ChoiceList, Day, Flag, Folded, Int, Scaled, Text, UtcDatetime
from crmcore.platform.record import Handle, Likeness, Merging, OwnedRecord, Record, Rules, Unique, reference
from crmcore.platform.tables import exactly_one


class CustomerKind(StrEnum):
    """Whether a customer is a company or a private person."""

    ORGANIZATION = "ORGANIZATION"
    PERSON = "PERSON"


class CustomerRole(StrEnum):
    """What part a party plays for us; it may play several."""

    CUSTOMER = "CUSTOMER"
    PARTNER = "PARTNER"
    DEALER = "DEALER"
    SUPPLIER = "SUPPLIER"
    COMPETITOR = "COMPETITOR"


class LifecycleStage(StrEnum):
    """Where a customer stands between first contact and loyalty."""

    PROSPECT = "PROSPECT"
    NEW = "NEW"
    REPEAT = "REPEAT"
    LOYAL = "LOYAL"
    AT_RISK = "AT_RISK"
    LOST = "LOST"
    WON_BACK = "WON_BACK"


class Importance(Choices):
    """ABC class of a customer: A needs the most care."""

    A = "A", "Among the few that matter most."
    B = "B", "Matters, but not most."
    C = "C", "One of the many."


class ImportanceBasis(StrEnum):
    """Whether importance was computed or set by hand."""

    COMPUTED = "COMPUTED"
    MANUAL = "MANUAL"


class CompanySize(Choices):
    """Size class by number of staff (EU recommendation 2003/361)."""

    MICRO = "MICRO", "Fewer than 10."
    SMALL = "SMALL", "10 to 49."
    MEDIUM = "MEDIUM", "50 to 249."
    LARGE = "LARGE", "250 and more."


class Gender(StrEnum):
    """Gender of a person, as they state it."""

    FEMALE = "FEMALE"
    MALE = "MALE"
    OTHER = "OTHER"


class Channel(StrEnum):
    """A way of reaching a customer, or of being reached."""

    PHONE = "PHONE"
    EMAIL = "EMAIL"
    WEB = "WEB"
    CHAT = "CHAT"
    SOCIAL = "SOCIAL"
    POST = "POST"
    FAX = "FAX"
    IN_PERSON = "IN_PERSON"


class Customer(OwnedRecord):
    kind = Choice(CustomerKind, default=CustomerKind.ORGANIZATION)
    name = Text(300)
    name_folded = Folded(of="name")
    legal_name = Text(300, null=True)
    tax_id = Text(60, null=True)
    roles = ChoiceList(CustomerRole, default=lambda: [CustomerRole.CUSTOMER])
    industry = Text(120, null=True)
    size = Choice(CompanySize, null=True)
    employees = Int(null=True)
    annual_revenue = Scaled(null=True)
    annual_revenue_currency = Text(3, null=True)
    founded_year = Int(null=True)
    business_status = Text(120, null=True)
    lifecycle_stage = Choice(LifecycleStage, default=LifecycleStage.PROSPECT)
    importance = Choice(Importance, null=True)
    importance_basis = Choice(ImportanceBasis, null=True)
    is_key_account = Flag(default=False)
    source = Text(120, null=True)
    birth_date = Day(null=True)
    gender = Choice(Gender, null=True)
    language = Text(35, null=True)
    time_zone = Text(64, null=True)
    preferred_channel = Choice(Channel, null=True)
    parent: Any = reference("core.Customer", null=True)
    merged_into: Any = reference("core.Customer", "SET NULL", null=True)
    verified_at = UtcDatetime(null=True)
    first_order_at = UtcDatetime(null=True)
    last_order_at = UtcDatetime(null=True)
    last_interaction_at = UtcDatetime(null=True)

    special: ClassVar[Rules] = Rules(
        person=True,
        unique=(Unique(("tax_id",)),),
        rules=(rules.person_or_organization, rules.known_time_zone, rules.sensible_numbers),
        search=("name", "legal_name", "tax_id"),
        events=events.CUSTOMER_EVENTS,
        merging=Merging(
            together=(("annual_revenue", "annual_revenue_currency"), ("importance", "importance_basis")),
            either=("is_key_account",),
            alike=("kind",),
            derived=("first_order_at", "last_order_at", "last_interaction_at"),
        ),
        likeness=Likeness(("name", "legal_name"), sure=0.8, numbers=("tax_id",), reached="customer_id"),
    )

    class Meta(OwnedRecord.Meta):
        table = "customer"
        indexes = (("tenant_id", "name_folded", "id"), ("tenant_id", "created_at", "id"))


class AddressType(StrEnum):
    """What an address is for."""

    BILLING = "BILLING"
    SHIPPING = "SHIPPING"
    VISIT = "VISIT"


class PointType(StrEnum):
    """The kind of a contact point."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    MOBILE = "MOBILE"
    IM = "IM"
    SOCIAL = "SOCIAL"
    FAX = "FAX"


class PointStatus(StrEnum):
    """Whether a contact point is known to work."""

    UNVERIFIED = "UNVERIFIED"
    VALID = "VALID"
    BOUNCED = "BOUNCED"
    INVALID = "INVALID"


class Address(Record):
    """Belongs to exactly one party: a customer or a contact."""

    customer: Any = reference("core.Customer", "CASCADE", null=True)
    contact: Any = reference("core.Contact", "CASCADE", null=True)
    type = Choice(AddressType, default=AddressType.BILLING)
    lines = Text(500, null=True)
    city = Text(120, null=True)
    region = Text(120, null=True)
    postcode = Text(30, null=True)
    country = Text(80, null=True)

    special: ClassVar[Rules] = Rules(
        rules=(rules.exactly_one_party,),
        once=tuple(
            Unique((party, "type", "lines", "postcode", "city", "country")) for party in ("customer_id", "contact_id")
        ),
    )
    access: ClassVar[Access] = through("customer", "contact")

    class Meta(Record.Meta):
        table = "address"
        constraints = (exactly_one("address", "customer_id", "contact_id"),)


class ContactPoint(Record):
    """An email address, phone number or the like of exactly one party: a customer or a contact.

    `unique_value` is the normalized value where the tenant wants such values to be unique.
    """

    customer: Any = reference("core.Customer", "CASCADE", null=True)
    contact: Any = reference("core.Contact", "CASCADE", null=True)
    type = Choice(PointType)
    value = Text(320)
    normalized = Text(320)
    label = Text(60, null=True)
    is_primary = Flag(default=False)
    status = Choice(PointStatus, default=PointStatus.UNVERIFIED)
    unique_value = Text(320, null=True)

    special: ClassVar[Rules] = Rules(
        unique=(Unique(("unique_value",), says="value"),),
        rules=(rules.exactly_one_party, rules.normalize_point),
        derives=("normalized",),
        search=("normalized",),
        finds=("customer_id", "contact_id"),
        once=tuple(
            group
            for party in ("customer_id", "contact_id")
            for group in (Unique((party, "type", "normalized")), Unique((party, "type"), where="is_primary"))
        ),
        handles=(
            Handle("EMAIL", "One of its email addresses.", "normalized", "type", ("EMAIL",)),
            Handle("PHONE", "One of its phone numbers.", "normalized", "type", ("PHONE", "MOBILE")),
        ),
    )
    access: ClassVar[Access] = through("customer", "contact")

    class Meta(Record.Meta):
        table = "contact_point"
        constraints = (exactly_one("contact_point", "customer_id", "contact_id"),)
        indexes = (("tenant_id", "normalized", "id"),)


class Uniqueness(Record):
    """What a tenant wants to be unique among its living records, beside what always is: at most one row each. The
    tenant's row says the same, where writers look under a lock."""

    emails = Flag(default=False)
    phones = Flag(default=False)

    class Meta(Record.Meta):
        table = "uniqueness"
