"""Which form a file has, and the source that reads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from crmcore.errors import ConfigError
from crmcore.importing.delimited import DelimitedSource
from crmcore.importing.mapping import FileMapping
from crmcore.importing.objects import ObjectSource
from crmcore.importing.source import Source

_ENDINGS: Final[Mapping[str, str]] = {
    ".xlsx": "XLSX", ".xlsm": "XLSX", ".jsonl": "JSONL", ".ndjson": "JSONL", ".json": "JSONL",
}  # fmt: skip
_ZIP: Final = b"PK\x03\x04"
_OLD: Final = b"\xd0\xcf\x11\xe0"


def open_source(path: Path, mapping: FileMapping, name: str = "") -> Source:
    """The file in the form that the mapping says, or that its name and its first bytes tell."""
    said = name or path.name
    with path.open("rb") as raw:
        begins = raw.read(4)
    if begins == _OLD:
        raise ConfigError(f"{said} is a workbook of the old form (.xls), or an encrypted one: save it as .xlsx.")
    form = mapping.format or ("XLSX" if begins == _ZIP else _ENDINGS.get(Path(said).suffix.lower(), "CSV"))
    if form == "XLSX":
        from crmcore.importing.sheets import SheetSource

        return SheetSource(path, mapping, name)
    return ObjectSource(path, mapping, name) if form == "JSONL" else DelimitedSource(path, mapping, name)
