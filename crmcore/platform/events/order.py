"""Commit order: how far a reader may go in the log without passing an event that is still to come.

SQLite has one writer: what is committed is complete. PostgreSQL hands a sequence out before its transaction commits, so
8 may be there while 7 is not yet, and a reader that has passed 8 would never see 7. Therefore

* a writer takes, before its first sequence and until its end, a shared advisory lock that names a floor: the last
  sequence that was handed out before. All of its own are above. Shared locks wait for nobody.
* a reader looks at (1) S, the last sequence handed out, then at (2) the floors of all locks that are held, and (3)
  reads, in a new snapshot, up to the lowest of them all.

Why nothing is passed. Let n be a sequence that the reader goes beyond, so n <= S and n <= every floor seen in (2), and
let its writer commit. n was handed out before (1), so its writer had its lock before (1), with a floor below n. Had the
lock still been held in (2), the reader would have stayed below n. So it was released before (2); and PostgreSQL gives a
transaction's locks back only after its rows are visible to new snapshots, of which that of (3) is one.

Nothing here depends on transaction ids or their order. A transaction that is rolled back leaves a gap and no lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from crmcore.kit.sql import Dialect, Sql
from crmcore.platform.database import Database

SEQUENCE: Final = "event_sequence_seq"
"""PostgreSQL's sequence of the column. It must hand out one number at a time (CACHE 1), or S would mean nothing."""

_CLASS: Final = 1668443493
"""The first key of the writers' locks ("crme"); the second is the floor, of which it holds 31 bits."""

_FLOOR: Final = "CASE WHEN is_called THEN last_value ELSE last_value - 1 END"

_HELD: Final = f"(SELECT pg_try_advisory_xact_lock_shared({_CLASS}, (({_FLOOR}) & 2147483647)::int) FROM {SEQUENCE})"

FIRST_NUMBER: Final = f"nextval(CASE WHEN {_HELD} THEN '{SEQUENCE}'::regclass END)"
"""A sequence, with the lock. `nextval` gets its argument from the lock, so it cannot run before, whatever the plan; the
lock depends on no row, so it is taken once. Nobody takes it for himself alone, so it is always got: otherwise the
number would be null, which the column refuses."""

NEXT_NUMBER: Final = f"nextval('{SEQUENCE}'::regclass)"
"""A sequence, in a transaction that holds the lock: a transaction of ten thousand commands needs one, not as many."""


async def bounds(db: Database) -> tuple[int, int]:
    """The first sequence that the log has, 0 for none, and the one up to which it is `settled`."""
    [row] = await db.fetch(_BOUNDS[db.dialect])
    return int(row["oldest"]), int(row["upto"])


async def settled(db: Database) -> int:
    """A sequence up to which the log is complete: no event at or below it will appear any more.

    What is read up to it must be read by a statement that begins afterwards, on the same server. It may be lower than
    an earlier answer, which then holds still.
    """
    _, upto = await bounds(db)
    return upto


_OLDEST: Final = "(SELECT coalesce(min(sequence), 0) FROM event) AS oldest"

_BOUNDS: Final[Mapping[Dialect, Sql]] = {
    "sqlite": Sql(f"SELECT {_OLDEST}, (SELECT coalesce(max(sequence), 0) FROM event) AS upto"),
    # S is stored before the locks are looked at, which happens for that row. A lock's 31 bits mean the floor that is
    # nearest to S; it is above S if its holder began after we looked.
    "postgres": Sql(
        f"WITH s AS MATERIALIZED (SELECT {_FLOOR} AS last FROM {SEQUENCE}) SELECT {_OLDEST}, least(s.last, ("
        "SELECT min(s.last - 1073741824 + ((l.objid::bigint - s.last + 1073741824) & 2147483647)) FROM pg_locks l "
        f"WHERE l.locktype = 'advisory' AND l.classid = {_CLASS} AND l.objsubid = 2 AND l.database = "
        "(SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))) AS upto FROM s"
    ),
}
