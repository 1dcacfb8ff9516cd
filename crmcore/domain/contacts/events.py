"""Facts about contacts, beside created, updated, deleted and restored."""

from crmcore.platform.record import Event

CONSENT_CHANGED = Event(
    "consent.changed", "A contact said anew whether they may be reached by a channel for a purpose."
)
