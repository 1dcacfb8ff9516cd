"""Files, and the imports and exports that read and write them."""

from __future__ import annotations

from typing import Any, ClassVar

from tortoise.models import Model

from crmcore.kit.choices import Choices
from crmcore.platform.fields import BigInt, Choice, Flag, Int, Json, Text, UtcDatetime, Uuid
from crmcore.platform.record import OwnedRecord, reference
from crmcore.platform.tables import UniqueIndex


class File(OwnedRecord):
    """A file whose bytes are all there (platform/blobs.py); seen by whom its owner's records are."""

    name = Text(255)
    media_type = Text(100)
    size = BigInt()
    sha256 = Text(64)
    expires_at = UtcDatetime()

    class Meta(OwnedRecord.Meta):
        table = "file"
        indexes: ClassVar[Any] = (("tenant_id", "expires_at", "id"),)


class FileFormat(Choices):
    """How a file is written."""

    CSV = "CSV", "Values with a delimiter between them; the first line names the columns."
    JSONL = "JSONL", "A JSON object on each line."
    XLSX = "XLSX", "A workbook; the first row of the sheet names the columns."


class ImportMode(Choices):
    """What an import does with a row."""

    CREATE = "CREATE", "Makes a record of it; one that is there already refuses the row."
    UPDATE = "UPDATE", "Changes the record that it matches; where none does, the row is refused."
    UPSERT = "UPSERT", "Changes the record that it matches, or makes one."


class ImportState(Choices):
    """Where an import stands."""

    QUEUED = "QUEUED", "Waits for a worker."
    RUNNING = "RUNNING", "A worker is at it."
    DONE = "DONE", "Every row was looked at; `refused` counts those that were not saved."
    FAILED = "FAILED", "The file or the mapping cannot be used, or the job failed for good; `error` says why."
    CANCELLED = "CANCELLED", "Was called off; what had been saved stays, and can be undone."
    UNDOING = "UNDOING", "Is being undone."
    UNDONE = "UNDONE", "Was undone; `kept` counts what could not be."


class ExportState(Choices):
    """Where an export stands."""

    QUEUED = "QUEUED", "Waits for a worker."
    RUNNING = "RUNNING", "A worker is at it."
    DONE = "DONE", "The file is there."
    FAILED = "FAILED", "`error` says why."
    CANCELLED = "CANCELLED", "Was called off."


class Import(OwnedRecord):
    """One import of a file. `position` is the last line that is settled: it is written with the rows that it counts, so
    an import that was broken off goes on behind it. `options` is what was asked, in the words of the API."""

    file: Any = reference("core.File", "SET NULL", null=True)
    record_type = Text(100, null=True)
    mode = Choice(ImportMode)
    match_on = Text(100, null=True)
    options = Json()
    dry_run = Flag(default=False)
    state = Choice(ImportState, default=ImportState.QUEUED)
    position = Int(default=0)
    lines = Int(null=True)
    rows = Int(default=0)
    saved = Int(default=0)
    refused = Int(default=0)
    left_out = Int(default=0)
    created = Int(default=0)
    updated = Int(default=0)
    unchanged = Int(default=0)
    error = Text(2000, null=True)
    errors: Any = reference("core.File", "SET NULL", null=True)
    job_id = Uuid(null=True)
    undone = Int(null=True)
    kept = Int(null=True)
    leftovers: Any = reference("core.File", "SET NULL", null=True)
    started_at = UtcDatetime(null=True)
    finished_at = UtcDatetime(null=True)

    class Meta(OwnedRecord.Meta):
        table = "import"


class ImportLine(Model):
    """A line of a file that is not settled: refused, or waiting for a record that a later line may make. Kept while the
    import runs, and written with the lines that are saved."""

    id = Uuid(primary_key=True)
    tenant_id = Uuid()
    import_id = Uuid()
    line = Int()
    refused = Flag()
    reason = Text(4000)
    values = Json()

    class Meta(Model.Meta):
        table = "import_line"
        indexes: ClassVar[Any] = (UniqueIndex(fields=("tenant_id", "import_id", "line"), name="uq_import_line"),)


class Export(OwnedRecord):
    """One export of a list. `options` is what was asked: the document, its variables, the columns."""

    format = Choice(FileFormat)
    options = Json()
    state = Choice(ExportState, default=ExportState.QUEUED)
    rows = Int(default=0)
    total = Int(null=True)
    error = Text(2000, null=True)
    file: Any = reference("core.File", "SET NULL", null=True)
    job_id = Uuid(null=True)
    started_at = UtcDatetime(null=True)
    finished_at = UtcDatetime(null=True)

    class Meta(OwnedRecord.Meta):
        table = "export"
