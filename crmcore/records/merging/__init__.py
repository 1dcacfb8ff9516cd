"""Merging: several records become one, and may become several again."""

from crmcore.records.merging.choosing import POINTER, FieldOutcome, mergeable
from crmcore.records.merging.merge import Merged, merge
from crmcore.records.merging.models import MergedRow, MergeRecord, RowFate
from crmcore.records.merging.trail import RelationOutcome
from crmcore.records.merging.unmerge import unmerge

__all__ = [
    "POINTER",
    "FieldOutcome",
    "MergeRecord",
    "Merged",
    "MergedRow",
    "RelationOutcome",
    "RowFate",
    "merge",
    "mergeable",
    "unmerge",
]
