"""The write engine: what every record can do."""

from crmcore.platform.machine import Machine
from crmcore.platform.record import (
    SYSTEM_COLUMNS,
    Change,
    Check,
    Draft,
    Effect,
    Event,
    Merging,
    OwnedRecord,
    Record,
    Rule,
    Rules,
    Unique,
    check,
    effect,
    reference,
)
from crmcore.records.changes import (
    Added,
    Create,
    Delete,
    FieldValue,
    Part,
    Path,
    Refused,
    Restore,
    Saver,
    Update,
    Written,
)
from crmcore.records.custom import CustomField
from crmcore.records.each import Answer, Done, Item, WriteOutcome, write_each
from crmcore.records.external import ExternalRef, find_by_external
from crmcore.records.graph import Key, RecordGraph, graph_of, keys_of
from crmcore.records.hierarchy import refuse_cycles
from crmcore.records.latest import latest
from crmcore.records.matches import Match, matches_of
from crmcore.records.merging import FieldOutcome, Merged, MergeRecord, RelationOutcome, merge, unmerge
from crmcore.records.moving import find, move, move_all
from crmcore.records.numbers import give_numbers
from crmcore.records.persons import erase_person, personal_data
from crmcore.records.purging import purge
from crmcore.records.related import summary, targets, together
from crmcore.records.rows import load, load_any, select
from crmcore.records.upserting import IfDeleted, OnConflict, Upsert
from crmcore.records.write import write

__all__ = [
    "SYSTEM_COLUMNS",
    "Added",
    "Answer",
    "Change",
    "Check",
    "Create",
    "CustomField",
    "Delete",
    "Done",
    "Draft",
    "Effect",
    "Event",
    "ExternalRef",
    "FieldOutcome",
    "FieldValue",
    "IfDeleted",
    "Item",
    "Key",
    "Machine",
    "Match",
    "MergeRecord",
    "Merged",
    "Merging",
    "OnConflict",
    "OwnedRecord",
    "Part",
    "Path",
    "Record",
    "RecordGraph",
    "Refused",
    "RelationOutcome",
    "Restore",
    "Rule",
    "Rules",
    "Saver",
    "Unique",
    "Update",
    "Upsert",
    "WriteOutcome",
    "Written",
    "check",
    "effect",
    "erase_person",
    "find",
    "find_by_external",
    "give_numbers",
    "graph_of",
    "keys_of",
    "latest",
    "load",
    "load_any",
    "matches_of",
    "merge",
    "move",
    "move_all",
    "personal_data",
    "purge",
    "reference",
    "refuse_cycles",
    "select",
    "summary",
    "targets",
    "together",
    "unmerge",
    "write",
    "write_each",
]
