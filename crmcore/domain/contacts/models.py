"""The people at a customer."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from crmcore.domain.contacts import events, rules
from crmcore.domain.customers import Channel
from crmcore.kit.choices import Choices
from crmcore.platform.access import Access, through, through_children
from crmcore.platform.fields import Choice, Day, Flag, Folded, Text, UtcDatetime
from crmcore.platform.record import Likeness, Merging, Record, Rules, Unique, reference


class NameOrder(StrEnum):
    """How a person's name is written natively."""

    GIVEN_FIRST = "GIVEN_FIRST"
    FAMILY_FIRST = "FAMILY_FIRST"


class Contact(Record):
    first_name = Text(150, null=True)
    last_name = Text(150, null=True)
    name = Text(310)
    name_folded = Folded(of="name")
    native_name_order = Choice(NameOrder, default=NameOrder.GIVEN_FIRST)
    title = Text(150, null=True)
    department = Text(150, null=True)
    salutation = Text(40, null=True)
    birthday = Day(null=True)
    do_not_contact = Flag(default=False)
    merged_into: Any = reference("core.Contact", "SET NULL", null=True)

    special: ClassVar[Rules] = Rules(
        person=True,
        rules=(rules.full_name,),
        derives=("name",),
        search=("name",),
        merging=Merging(
            together=(("name", "first_name", "last_name", "native_name_order"),), either=("do_not_contact",)
        ),
        likeness=Likeness(("name",), sure=0.5, reached="contact_id"),
    )
    access: ClassVar[Access] = through_children("contact_link.contact")

    class Meta(Record.Meta):
        table = "contact"
        indexes = (("tenant_id", "name_folded", "id"), ("tenant_id", "created_at", "id"))


class ContactRole(StrEnum):
    """What part a contact plays at a customer."""

    DECISION_MAKER = "DECISION_MAKER"
    EVALUATOR = "EVALUATOR"
    INFLUENCER = "INFLUENCER"
    USER = "USER"
    BUYER = "BUYER"
    PAYER = "PAYER"
    TECHNICAL = "TECHNICAL"


class ContactLink(Record):
    """A contact at a customer; a contact may have several."""

    customer: Any = reference("core.Customer", "CASCADE")
    contact: Any = reference("core.Contact", "CASCADE")
    role = Choice(ContactRole, null=True)
    is_primary = Flag(default=False)
    valid_from = Day(null=True)
    valid_to = Day(null=True)

    special: ClassVar[Rules] = Rules(
        unique=(Unique(("customer_id", "contact_id")), Unique(("customer_id",), where="is_primary", takes_over=True)),
        rules=(rules.valid_period,),
    )
    access: ClassVar[Access] = through("customer")

    class Meta(Record.Meta):
        table = "contact_link"


class ConsentPurpose(Choices):
    """What a contact may be written to or called for."""

    MARKETING = "MARKETING", "Offers and news; only with a consent."
    CARE = "CARE", "Looking after the customer; unless it was refused."
    SURVEY = "SURVEY", "Questions about how they are served; unless it was refused."
    TRANSACTIONAL = "TRANSACTIONAL", "What belongs to an order, a case or a contract; unless it was refused."


class ConsentState(Choices):
    """What a contact said."""

    GRANTED = "GRANTED", "Yes."
    DENIED = "DENIED", "No, when asked."
    WITHDRAWN = "WITHDRAWN", "No longer, after a yes or without having been asked."


class Consent(Record):
    """Append-only: what a contact said about being reached by a channel for a purpose. The last of them is current."""

    contact: Any = reference("core.Contact", "CASCADE")
    channel = Choice(Channel)
    purpose = Choice(ConsentPurpose)
    state = Choice(ConsentState)
    method = Text(100)
    evidence = Text(2000, null=True)
    at = UtcDatetime()
    expires_at = UtcDatetime(null=True)
    is_current = Flag(default=False)

    special: ClassVar[Rules] = Rules(
        unique=(Unique(("contact_id", "channel", "purpose"), where="is_current", takes_over=True),),
        rules=(rules.consent_period, rules.tell_consent),
        events=(events.CONSENT_CHANGED,),
    )
    access: ClassVar[Access] = through("contact")

    class Meta(Record.Meta):
        table = "consent"
