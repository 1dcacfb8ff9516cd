"""The read engine: a selection becomes one SQL statement."""

from crmcore.query.building import build
from crmcore.query.declare import Declaration, Extension, Many, Money, batch, extend, field, record
from crmcore.query.execute import Completed, ReadEngine
from crmcore.query.mapping import (
    BatchField,
    ColumnField,
    CustomFields,
    ExternalRefsField,
    FieldMap,
    ManyField,
    MoneyField,
    OneField,
    RecordType,
    Registry,
    StampField,
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
    "ValueField",
    "batch",
    "build",
    "extend",
    "field",
    "record",
]
