"""The log of what happened: facts, their order, and how they are read."""

from crmcore.platform.events.erasing import erase_events
from crmcore.platform.events.log import EVENTS, Event, Fact, record_events
from crmcore.platform.events.order import bounds, settled
from crmcore.platform.events.reading import StoredEvent, read_at, read_events
from crmcore.platform.events.tail import EventTail

__all__ = [
    "EVENTS",
    "Event",
    "EventTail",
    "Fact",
    "StoredEvent",
    "bounds",
    "erase_events",
    "read_at",
    "read_events",
    "record_events",
    "settled",
]
