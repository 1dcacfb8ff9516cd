"""Files, and the imports and exports that read and write them."""

from crmcore.domain.files.commands import keep_file
from crmcore.domain.files.jobs import prune_files
from crmcore.domain.files.models import (
    Export,
    ExportState,
    File,
    FileFormat,
    Import,
    ImportLine,
    ImportMode,
    ImportState,
)

__all__ = [
    "Export", "ExportState", "File", "FileFormat", "Import", "ImportLine", "ImportMode", "ImportState", "keep_file",
    "prune_files",
]  # fmt: skip
