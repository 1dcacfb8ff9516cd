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


def begin_run() -> None:
    """Name the folder, before there are workers; it is made when something is put there."""
    folder = Path(tempfile.gettempdir()) / f"{_BEGINS}{uuid4().hex}"
    os.environ[_NAME] = str(folder)  # house(environment): workers inherit it


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
