"""The migration runner: Tortoise's operations, our own locks, transactions and checks.

Tortoise's own executor loses child rows and indexes on SQLite, has no lock, and records what it did outside the
transaction. Here every app is always loaded, one process at a time works, each migration and its record are one
transaction, and afterwards the real schema is compared with the models.
"""

from crmcore.platform.migrate.graph import Key
from crmcore.platform.migrate.lock import locked
from crmcore.platform.migrate.make import make_migration
from crmcore.platform.migrate.planning import Planned, planned
from crmcore.platform.migrate.runner import MigrationFailed, Report, applied_in, has_table, leaning_on, migrate, pending
from crmcore.platform.migrate.standing import Standing, standing
from crmcore.platform.migrate.verify import differences

__all__ = [
    "Key",
    "MigrationFailed",
    "Planned",
    "Report",
    "Standing",
    "applied_in",
    "differences",
    "has_table",
    "leaning_on",
    "locked",
    "make_migration",
    "migrate",
    "pending",
    "planned",
    "standing",
]
