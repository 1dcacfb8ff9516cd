"""What both drivers share: rows by name, the list of statements that a block ran, and one name for each error.

DatabaseError
├── IntegrityViolation      a constraint refused the rows
│   ├── UniqueViolation     with the columns of the index
│   ├── ForeignKeyViolation
│   ├── NotNullViolation
│   └── CheckViolation
├── Retryable               serialization failure, deadlock or a busy file: run the transaction again
├── StatementTimeout        the database stopped a statement that took too long
├── StorageFull             no room on the database's disk
├── TransactionOver         a statement after the transaction's end, or a COMMIT that only rolled back
└── Unavailable             no connection to the database
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from crmcore.kit.sql import Dialect, Sql, Statement, render


class Row(Protocol):
    """A row of either driver: `row["name"]`, values as the driver gives them (`Column.from_driver` makes Python's)."""

    def __getitem__(self, name: str, /) -> Any: ...

    def keys(self) -> Any: ...


class DatabaseError(Exception):
    """What the database refused; never shown to callers of the API."""


class IntegrityViolation(DatabaseError):
    """`constraint` is the constraint's or index's name, empty where SQLite does not say it."""

    def __init__(self, message: str, constraint: str = "", table: str = "", columns: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.constraint = constraint
        self.table = table
        self.columns = columns


class UniqueViolation(IntegrityViolation):
    """Two rows would hold the same values in `columns` (tenant_id is one of them where the index begins with it)."""


class ForeignKeyViolation(IntegrityViolation):
    pass


class NotNullViolation(IntegrityViolation):
    pass


class CheckViolation(IntegrityViolation):
    pass


class Retryable(DatabaseError):
    pass


class StatementTimeout(DatabaseError):
    pass


class StorageFull(DatabaseError):
    pass


class TransactionOver(DatabaseError):
    pass


class Unavailable(DatabaseError):
    pass


_seen: ContextVar[list[str] | None] = ContextVar("crmcore_statements", default=None)


def record(text: str) -> None:
    """Note a statement for the `counting` block that the running task is in, if any."""
    seen = _seen.get()
    if seen is not None:
        seen.append(text)


class Counted:
    """The part of a database that tells which statements ran."""

    @contextmanager
    def counting(self) -> Iterator[list[str]]:
        """The text of every statement that this task and its children run in the block, in order; one for those that
        are sent together.

        Transaction control (BEGIN, COMMIT, savepoints) is not counted.
        """
        seen: list[str] = []
        token = _seen.set(seen)
        try:
            yield seen
        finally:
            _seen.reset(token)


def rendered(tree: Sql | Statement, dialect: Dialect) -> Statement:
    """The statement of a tree; a finished one as it is."""
    return tree if isinstance(tree, Statement) else render(tree, dialect)
