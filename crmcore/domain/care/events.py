"""Facts about touchpoints, beside created, updated, deleted and restored."""

from crmcore.records import Event

TOUCHPOINT_DONE = Event("touchpoint.done", "A planned contact took place.")
TOUCHPOINT_SKIPPED = Event("touchpoint.skipped", "A planned contact was left out, with a reason.")
