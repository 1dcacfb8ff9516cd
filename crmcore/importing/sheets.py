"""Reading a sheet of an XLSX workbook: the first row names the columns."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from python_calamine import CalamineError, CalamineWorkbook

from crmcore.errors import ConfigError
from crmcore.importing.mapping import FileMapping, nearest
from crmcore.importing.source import Line, Source

_MOST_BYTES: Final = 1 << 30
"""What a workbook may unpack to: a small file can claim to hold very much."""


class SheetSource(Source):
    """The sheet that the mapping names, or the first. Rows are numbered as the spreadsheet shows them."""

    def __init__(self, path: Path, mapping: FileMapping, name: str = "") -> None:
        super().__init__(path, name)
        self._rows = self._read(mapping)
        if not self._rows:
            raise ConfigError(f"{self.name} is empty: the first row must name the columns.")
        first = [_text(cell) for cell in self._rows[0]]
        while first and not first[-1].strip():
            first.pop()
        self.take_header(first)
        self.lines_in_all = len(self._rows)

    def read(self) -> Iterator[Line]:
        width = len(self.header)
        for number, cells in enumerate(self._rows[1:], 2):
            values = [_text(cell) for cell in cells]
            more = any(value.strip() for value in values[width:])
            values = values if more else (values + [""] * width)[:width]
            if any(value.strip() for value in values):
                yield Line(number, tuple(values), self.broken(values))

    def _read(self, mapping: FileMapping) -> Sequence[Sequence[Any]]:
        try:
            with zipfile.ZipFile(self.path) as packed:
                if sum(part.file_size for part in packed.infolist()) > _MOST_BYTES:
                    raise ConfigError(f"{self.name} unpacks to more than {_MOST_BYTES >> 20} MB: split it.")
            book = CalamineWorkbook.from_path(self.path)
            sheets = book.sheet_names
            wanted = mapping.sheet or (sheets[0] if sheets else "")
            if wanted not in sheets:
                raise mapping.wrong(f"{self.name} has no sheet {wanted!r}{nearest(wanted, sheets)}", key="sheet")
            return book.get_sheet_by_name(wanted).to_python(skip_empty_area=False)
        except (CalamineError, zipfile.BadZipFile, OSError, ValueError) as error:
            raise ConfigError(f"{self.name} is no XLSX workbook that can be read: {error}.") from error


def _text(cell: Any) -> str:
    """What a cell says, as a CSV file would say it."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell.total_seconds()) if isinstance(cell, timedelta) else str(cell)
