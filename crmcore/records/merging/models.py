"""What is kept of a merge, so that it can be told and undone."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from tortoise.models import Model

from crmcore.platform.fields import Choice, Int, Json, Text, UtcDatetime, Uuid
from crmcore.platform.record import OwnedRecord


class MergeRecord(OwnedRecord):
    """One merge. `record_type` is the table of the records that were merged: `merged` holds their ids, `survivor_id`
    who they became. `fields` says what the survivor's columns were before and what the merge made of them, in the form
    in which the engine writes them: `{"name": [before, after]}`. `deletion` is the deletion id of what was deleted.
    Its owner is who merged: what it tells of the merged records is not for everybody.
    """

    record_type = Text(63)
    survivor_id = Uuid()
    merged = Json()
    fields = Json(default=dict)
    reason = Text(1000, null=True)
    rows_moved = Int(default=0)
    rows_set_aside = Int(default=0)
    deletion = Uuid()
    undone_at = UtcDatetime(null=True)

    class Meta(OwnedRecord.Meta):
        table = "merge_record"
        indexes = (("tenant_id", "survivor_id", "id"),)


class RowFate(StrEnum):
    """What a merge did to a row that named a merged record.

    MOVED      its column `field` names the survivor now
    VALUE      its custom field `field` does
    CLEARED    its custom field `field`, unique, would have named the survivor a second time: it is empty now
    UNMARKED   its mark `field` is taken away: the survivor has another with it
    SET_ASIDE  it is deleted: the survivor has the same already
    """

    MOVED = "MOVED"
    VALUE = "VALUE"
    CLEARED = "CLEARED"
    UNMARKED = "UNMARKED"
    SET_ASIDE = "SET_ASIDE"


class MergedRow(Model):
    """One thing that a merge did to one row: what its undoing begins with. `from_id` is whom the row named."""

    id = Uuid(primary_key=True)
    tenant_id = Uuid()
    merge_id = Uuid()
    record_type = Text(63)
    record_id = Uuid()
    fate = Choice(RowFate)
    field = Text(63, null=True)
    from_id = Uuid(null=True)

    class Meta(Model.Meta):
        table = "merged_row"
        indexes: ClassVar[Any] = (("tenant_id", "merge_id", "record_type", "id"),)
