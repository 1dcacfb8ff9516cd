"""Files, imports and exports in the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from crmcore.domain import files as models
from crmcore.importing import cancel_import, undo_import
from crmcore.platform.context import Context
from crmcore.platform.links import expiry, signed_link
from crmcore.query import batch, field, record
from crmcore.schema.actions import action
from crmcore.schema.exporting import cancel_export


async def _links(rows: Sequence[Mapping[str, Any]], ctx: Context) -> list[str]:
    until = expiry(ctx.clock())
    return [signed_link(ctx.secret, ctx.tenant_id, row["id"], until) for row in rows]


async def _expiries(rows: Sequence[Mapping[str, Any]], ctx: Context) -> list[datetime]:
    return [expiry(ctx.clock())] * len(rows)


@record(models.File, writes=("delete",))
class File:
    """A file: sent by POST /files for an import, or made by an export. It is deleted when it expires."""

    name: str = field("What it is called.")
    media_type: str = field("What it holds, such as text/csv.")
    size: int = field("Its length in bytes.")
    sha256: str = field("SHA-256 of its bytes, in hexadecimal digits.")
    expires_at: datetime = field("When it is deleted.")
    download_url: str | None = batch(
        _links, "Its address on the host of the API, signed: whoever has it may fetch the file until it expires."
    )
    download_url_expires_at: datetime | None = batch(_expiries, "Until when downloadUrl works: about an hour.")


@record(models.Import, writes=())
class Import:
    """The import of a file: importStart begins one, a worker does it."""

    file: File | None = field("The file; null once it has expired.")
    record_type: str | None = field("The type of record that its rows become; null where a mapping in TOML says it.")
    mode: models.ImportMode = field("What it does with a row.")
    match_on: str | None = field("The field by which rows find their records.")
    dry_run: bool = field("Whether it only tries: nothing is saved, and nothing follows.")
    state: models.ImportState = field("Where it stands.")
    lines: int | None = field("How many lines the file has, once it is known.")
    position: int = field("The last line that is settled.")
    rows: int = field("How many rows have been looked at.")
    saved: int = field("How many of them were saved, or were there already as they say.")
    refused: int = field("How many were refused; the file `errors` says why.")
    left_out: int = field("How many the mapping leaves out.")
    created: int = field("How many records it made.")
    updated: int = field("How many records it changed.")
    unchanged: int = field("How many records were as the file says already.")
    error: str | None = field("Why it failed as a whole.")
    errors: File | None = field(
        "The refused rows as CSV, each with the reason: correct them there and import that file."
    )
    undone: int | None = field("How many records importUndo deleted or set back.")
    kept: int | None = field("How many records importUndo left as they are; the file `leftovers` says why.")
    leftovers: File | None = field("What importUndo left as it is, as CSV.")
    started_at: datetime | None = field("When a worker began.")
    finished_at: datetime | None = field("When it ended.")


@record(models.Export, writes=())
class Export:
    """The export of a list: exportStart begins one, a worker does it."""

    format: models.FileFormat = field("How the file is written.")
    state: models.ExportState = field("Where it stands.")
    rows: int = field("How many rows have been written.")
    total: int | None = field("How many rows the list had when it began.")
    error: str | None = field("Why it failed.")
    file: File | None = field("The file, once it is there; null again when it has expired.")
    started_at: datetime | None = field("When a worker began.")
    finished_at: datetime | None = field("When it ended.")


@action(models.Import, cancel_import)
class ImportCancel:
    """Call an import off: no row is saved after this. What was saved stays; importUndo takes it back."""


@action(models.Import, undo_import)
class ImportUndo:
    """Undo an import: a worker deletes what it made, and sets back what it changed where nobody has since."""


@action(models.Export, cancel_export)
class ExportCancel:
    """Call an export off: there will be no file."""
