"""One at a time: a lock that every process sees and that ends with the process that holds it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg

from crmcore.errors import ConfigError
from crmcore.platform.database import dialect_of
from crmcore.platform.sqlite import file_of

_ADVISORY: Final = 0x63726D_636F7265  # "crmcore"
_LOOK_AGAIN: Final = 0.1


@asynccontextmanager
async def locked(url: str, *, wait_seconds: float = 600) -> AsyncIterator[None]:
    """Hold the one lock of a database's schema. ConfigError if another process keeps it too long."""
    lock = _file_lock(file_of(url)) if dialect_of(url) == "sqlite" else _advisory_lock(url)
    deadline = asyncio.timeout(wait_seconds)
    try:
        async with deadline:
            await lock.__aenter__()
            deadline.reschedule(None)
    except TimeoutError:
        raise ConfigError(f"Another process has been changing the schema for {wait_seconds:.0f} seconds.") from None
    try:
        yield
    finally:
        await lock.__aexit__(None, None, None)


@asynccontextmanager
async def _file_lock(file: Path) -> AsyncIterator[None]:
    """A lock file beside the database; it stays there, because removing it would let two processes lock two files."""
    try:
        handle = os.open(f"{file}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(f"The folder of {file} cannot be written to: {error}.") from error
    try:
        while not _try_lock(handle):
            await asyncio.sleep(_LOOK_AGAIN)
        yield
    finally:
        os.close(handle)  # which gives the lock back


def _try_lock(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@asynccontextmanager
async def _advisory_lock(url: str) -> AsyncIterator[None]:
    """An advisory lock on a connection of its own: the server frees it when the connection ends, however it ends."""
    try:
        connection = await asyncpg.connect(url, server_settings={"application_name": "crmcore migrate"})
    except (asyncpg.PostgresError, OSError, ValueError) as error:
        raise ConfigError(f"PostgreSQL cannot be reached: {error}.") from error
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _ADVISORY)
        yield
    finally:
        connection.terminate()
