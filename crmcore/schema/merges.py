"""What is kept of merges, in the graph."""

from __future__ import annotations

from datetime import datetime

from crmcore.query import FreeData, Many, expression, field, log, record
from crmcore.records import merging as models


def global_id(column: str) -> str:
    """The SQL of the global id of the record that `record_type` and this column name."""
    return f"{{record_type}} || '_' || CAST({{{column}}} AS text)"


@record(models.MergeRecord, writes=())
class MergeRecord:
    """A merge: who became whom, when (createdAt) and by whom (createdBy). customerUnmerge and its sisters take its id
    and undo it."""

    record_type: str = field("The type of the records that were merged, as global ids begin: customer, contact.")
    survivor: str = expression(global_id("survivor_id"), "Global id of the record that survived.")
    merged: list[str] = field("The ids of the records that were merged into it, without the type in front.")
    reason: str | None = field("Why they were merged.")
    changed: FreeData = field(
        "The survivor's columns that it changed, each with its value before and after.", column="fields"
    )
    rows_moved: int = field("How many rows name the survivor now instead of a merged record.")
    rows_set_aside: int = field("How many rows were deleted or lost a mark: the survivor has the same already.")
    undone_at: datetime | None = field("When it was undone; null while it stands.")
    rows: Many[MergedRow] = field("What it did, row by row.", via="merge")


@log(models.MergedRow)
class MergedRow:
    """One thing that a merge did to one row that named a merged record."""

    merge: MergeRecord | None = field("The merge.")
    record_type: str = field("The type of the row, as global ids begin.")
    record: str = expression(global_id("record_id"), "Global id of the row.")
    fate: models.RowFate = field("What was done to it.")
    field_name: str | None = field("Its column, or the id of its custom field.", column="field")
