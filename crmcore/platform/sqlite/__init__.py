"""SQLite: one writing connection, a few readers, each in its own thread."""

from crmcore.platform.sqlite.connection import OLDEST, connect_file, file_of
from crmcore.platform.sqlite.database import SqliteDatabase

__all__ = ["OLDEST", "SqliteDatabase", "connect_file", "file_of"]
