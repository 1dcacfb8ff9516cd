"""The folder of a test run, by which its processes find each other."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final
from uuid import uuid4

_NAME: Final = "CRMCORE_TEST_RUN"
_BEGINS: Final = "crmcore-tests-"
_MEMORY: Final = Path("/dev/shm")  # noqa: S108  the folder made there has a name that nobody can guess
_ROOM: Final = 4 * 1024**3


def begin_run() -> bool:
    """Name the folder, before there are workers; it is made when something is put there. False within another run,
    whose folder serves this one too."""
    if _NAME in os.environ:  # house(environment): a test may run tests
        return False
    folder = _fastest() / f"{_BEGINS}{uuid4().hex}"
    os.environ[_NAME] = str(folder)  # house(environment): workers inherit it
    return True


def _fastest() -> Path:
    """Memory, where the system has a file system in it with room enough: a database is a thousand small files, and a
    test makes and drops one. Else the folder for temporary files; so too where the environment names one."""
    if "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK | os.X_OK):  # house(environment): as in tempfile
        if shutil.disk_usage(_MEMORY).free >= _ROOM:
            return _MEMORY
    return Path(tempfile.gettempdir())


def run_folder() -> Path:
    """The folder, which is there from now on."""
    run = Path(os.environ[_NAME])  # house(environment): as it was begun
    run.mkdir(mode=0o700, exist_ok=True)
    return run


def ended_run() -> Path:
    """The folder of a run that is over: what stands there is to be stopped and removed."""
    return Path(os.environ.pop(_NAME))  # house(environment): as it was begun


def forget_run(run: Path) -> None:
    """Remove its files."""
    shutil.rmtree(run, ignore_errors=True)
