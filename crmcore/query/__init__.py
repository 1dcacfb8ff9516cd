"""The read engine: a selection becomes one SQL statement."""

from crmcore.query.declare import Many, Money, batch, extend, field, record
from crmcore.query.mapping import RecordType, Registry, build

__all__ = ["Many", "Money", "RecordType", "Registry", "batch", "build", "extend", "field", "record"]
