"""The read engine: a selection becomes one SQL statement."""

from crmcore.query.building import build
from crmcore.query.declare import Declaration, Extension, Many, Moment, Money, Timeline, batch, extend, field, record
from crmcore.query.execute import Completed, ReadEngine
from crmcore.query.mapping import (
    BatchField,
    ColumnField,
    CustomFields,
    ExternalRefsField,
    FieldMap,
    ManyField,
    MomentField,
    MoneyField,
    OneField,
    RecordType,
    Registry,
    StampField,
    TimelineField,
    ValueField,
)
from crmcore.query.plan import PersistedKey, PlanCache
from crmcore.query.roots import Reading, Ref, Refs, Root
from crmcore.query.scope import Limits

__all__ = [
    "BatchField",
    "ColumnField",
    "Completed",
    "CustomFields",
    "Declaration",
    "Extension",
    "ExternalRefsField",
    "FieldMap",
    "Limits",
    "Many",
    "ManyField",
    "Moment",
    "MomentField",
    "Money",
    "MoneyField",
    "OneField",
    "PersistedKey",
    "PlanCache",
    "ReadEngine",
    "Reading",
    "RecordType",
    "Ref",
    "Refs",
    "Registry",
    "Root",
    "StampField",
    "Timeline",
    "TimelineField",
    "ValueField",
    "batch",
    "build",
    "extend",
    "field",
    "record",
]
