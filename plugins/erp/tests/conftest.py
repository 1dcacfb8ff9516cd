"""A Tryton server for all tests of a process, with a database of its own for each story."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from trytond import MISSING, Erp, Server, folder, running


@pytest.fixture(scope="session")
def tryton() -> Iterator[Server]:
    """A running server; without Tryton the tests that need it are skipped."""
    home = folder()
    if home is None:
        pytest.skip(MISSING)
    with running(home) as server:
        yield server


@pytest.fixture
def erp(tryton: Server) -> Erp:
    """A fresh database of the ERP: a company with two products in stock."""
    return tryton.database()


@pytest.fixture(scope="session")
def shared(tryton: Server) -> Erp:
    """One database for the tests of the adapter, which do not mind each other."""
    return tryton.database()
