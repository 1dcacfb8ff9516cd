"""The people at a customer, and what they said about being reached."""

from crmcore.domain.contacts.commands import record_consent
from crmcore.domain.contacts.models import (
    Consent,
    ConsentPurpose,
    ConsentState,
    Contact,
    ContactLink,
    ContactRole,
    NameOrder,
)
from crmcore.domain.contacts.queries import Reachable, reachable

__all__ = [
    "Consent",
    "ConsentPurpose",
    "ConsentState",
    "Contact",
    "ContactLink",
    "ContactRole",
    "NameOrder",
    "Reachable",
    "reachable",
    "record_consent",
]
