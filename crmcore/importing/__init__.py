"""Files in: CSV, JSON Lines and XLSX with a mapping, whole rows. docs/import.md is its manual.

The command line reads a file in one process (`import_file`); the API has workers do it (`start_import`).
"""

from crmcore.importing.commands import cancel_import, start_import, undo_import
from crmcore.importing.jobs import Keeping, import_jobs
from crmcore.importing.report import Reason, Report, Tally
from crmcore.importing.run import CHUNK_ROWS, Progress, import_file

__all__ = [
    "CHUNK_ROWS",
    "Keeping",
    "Progress",
    "Reason",
    "Report",
    "Tally",
    "cancel_import",
    "import_file",
    "import_jobs",
    "start_import",
    "undo_import",
]
