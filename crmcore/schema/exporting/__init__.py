"""Exports: any list of the API, page by page to its end, as a file."""

from crmcore.schema.exporting.commands import cancel_export, start_export
from crmcore.schema.exporting.jobs import Exporter, export_job

__all__ = ["Exporter", "cancel_export", "export_job", "start_export"]
