"""Rows as CSV, JSON Lines or a workbook, written as they come: a million take no more memory than a page."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import orjson

from crmcore.domain.files import FileFormat
from crmcore.platform.blobs import PIECE, BlobWriter
from crmcore.schema.exporting.listing import Column

SEPARATOR: Final = ";"
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
_SHEET_ROWS: Final = 1_048_575
_CELL: Final = 32_767
_DIGITS: Final = 15


class RowWriter(ABC):
    """Writes a file of rows into a blob. `folder` is there for what must be on a disk meanwhile."""

    media_type: ClassVar[str]

    def __init__(self, blob: BlobWriter, columns: Sequence[Column], folder: Path, *, chosen: bool) -> None:
        self.blob, self.columns, self.folder, self.chosen = blob, columns, folder, chosen

    @abstractmethod
    async def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write a page of rows, as the API answers them."""

    @abstractmethod
    async def close(self) -> None:
        """Write what is left, and close the blob."""

    def value(self, column: Column, row: Any) -> Any:
        """What stands in the column: a scalar, or a text of what is none."""
        for key in column.path:
            row = row.get(key) if isinstance(row, Mapping) else None
        if column.is_list and isinstance(row, list):
            return SEPARATOR.join("" if item is None else str(item) for item in row)
        return orjson.dumps(row).decode() if isinstance(row, dict | list) else row


class CsvWriter(RowWriter):
    """UTF-8 with a mark, which spreadsheets want. A text that they would take for a formula has a ' before it."""

    media_type = "text/csv; charset=utf-8"

    def __init__(self, blob: BlobWriter, columns: Sequence[Column], folder: Path, *, chosen: bool) -> None:
        super().__init__(blob, columns, folder, chosen=chosen)
        self._text = io.StringIO(newline="")
        self._text.write("\ufeff")
        self._csv = csv.writer(self._text)
        self._csv.writerow([column.header for column in columns])

    async def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._csv.writerows([_cell(column, self.value(column, row)) for column in self.columns] for row in rows)
        await self._flush()

    async def close(self) -> None:
        await self._flush()
        await self.blob.close()

    async def _flush(self) -> None:
        await self.blob.write(self._text.getvalue().encode())
        self._text.seek(0)
        self._text.truncate()


class JsonLinesWriter(RowWriter):
    """A row is the object that the API answers; with columns chosen, it has these, by their headers."""

    media_type = "application/jsonl"

    async def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        told: Sequence[Any] = rows
        if self.chosen:
            told = [{column.header: _at(row, column.path) for column in self.columns} for row in rows]
        await self.blob.write(b"".join(orjson.dumps(row) + b"\n" for row in told))

    async def close(self) -> None:
        await self.blob.close()


class WorkbookWriter(RowWriter):
    """Texts are text cells, which are never taken for formulas. What one sheet does not hold goes on in the next."""

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    def __init__(self, blob: BlobWriter, columns: Sequence[Column], folder: Path, *, chosen: bool) -> None:
        super().__init__(blob, columns, folder, chosen=chosen)
        import xlsxwriter  # sixteen megabytes, for the one format that needs it

        self._path = folder / "export.xlsx"
        options = {
            "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
            "strings_to_numbers": False, "tmpdir": str(folder),
        }  # fmt: skip
        self._book = xlsxwriter.Workbook(str(self._path), options)
        self._begin()

    def _begin(self) -> None:
        self._sheet = self._book.add_worksheet()
        self._row = 0
        for place, column in enumerate(self.columns):
            self._sheet.write_string(0, place, column.header[:_CELL])

    async def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            if self._row == _SHEET_ROWS:
                self._begin()
            self._row += 1
            for place, column in enumerate(self.columns):
                self._write(place, column, self.value(column, row))

    def _write(self, place: int, column: Column, value: Any) -> None:
        if value is None:
            return
        if isinstance(value, bool):
            self._sheet.write_boolean(self._row, place, value)
        elif isinstance(value, int | float) or (not column.is_text and _is_number(value)):
            self._sheet.write_number(self._row, place, float(value))
        else:
            self._sheet.write_string(self._row, place, str(value)[:_CELL])

    async def close(self) -> None:
        await asyncio.to_thread(self._book.close)
        with self._path.open("rb") as made:
            while piece := made.read(PIECE):
                await self.blob.write(piece)
        await self.blob.close()


WRITERS: Final[Mapping[FileFormat, type[RowWriter]]] = {
    FileFormat.CSV: CsvWriter, FileFormat.JSONL: JsonLinesWriter, FileFormat.XLSX: WorkbookWriter,
}  # fmt: skip


def _cell(column: Column, value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if column.is_text and isinstance(value, str) and _FORMULA.match(value):
        return f"'{value}"
    return value


def _at(row: Any, path: Sequence[str]) -> Any:
    for key in path:
        row = row.get(key) if isinstance(row, Mapping) else None
    return row


def _is_number(value: Any) -> bool:
    """A decimal that a spreadsheet holds exactly."""
    text = str(value)
    return bool(re.fullmatch(r"-?\d+(\.\d+)?", text)) and sum(c.isdigit() for c in text) <= _DIGITS
