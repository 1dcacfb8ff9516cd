"""Files in: CSV with a mapping, whole rows, upserted by the id in the other system. docs/import.md is its manual."""

from crmcore.importing.report import Reason, Report, Tally
from crmcore.importing.run import CHUNK_ROWS, Progress, import_file

__all__ = ["CHUNK_ROWS", "Progress", "Reason", "Report", "Tally", "import_file"]
