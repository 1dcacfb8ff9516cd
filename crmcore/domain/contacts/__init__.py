"""The people at a customer."""

from crmcore.domain.contacts.models import Contact, ContactLink, ContactRole, NameOrder

__all__ = ["Contact", "ContactLink", "ContactRole", "NameOrder"]
