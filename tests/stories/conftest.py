"""Real data for the stories: imported once per run and database engine, by the command line, as a user would."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import MAPPINGS, importing, report_of
from tests.databases import Databases
from tests.fixtures import TestCrm, open_crm

ROOT = Path(__file__).parents[2]


def real_data(name: str) -> Path:
    """A folder of the real data, which is no part of the repository: the test is skipped where it is not there."""
    for place in (ROOT, *ROOT.parents):
        found = place / "shared" / "data" / name
        if found.is_dir():
            return found
    pytest.skip(f"the real data is not here: no shared/data/{name} in a folder above {ROOT.name}")


@dataclass
class Imported:
    """A database into which a folder was imported, and the reports of it by file."""

    url: str
    reports: dict[str, Any]


@pytest.fixture
def bring_in(databases: Databases) -> Iterator[Callable[..., Imported]]:
    """Import a folder of real data, file after file, with the mappings of that name."""
    made: list[str] = []

    def bring(folder: str, mappings: str, *names: str) -> Imported:
        source = real_data(folder)
        # A copy, because refused rows are written beside their file.
        copy = Path(os.environ["CRMCORE_TEST_RUN"]) / f"{folder}_{databases.dialect}"

        def fill(url: str) -> None:
            shutil.copytree(source, copy)
            importing(copy, MAPPINGS / mappings, names)(url)

        url = databases.filled(mappings, fill)
        made.append(url)
        scheme = "sqlite:" if databases.dialect == "sqlite" else "postgresql:"
        reports = {name: json.loads(report_of(copy, name, scheme).read_text()) for name in names}
        return Imported(url, reports)

    yield bring
    for url in made:
        databases.drop(url)


@pytest.fixture
def northwind(bring_in: Callable[..., Imported]) -> Imported:
    return bring_in("northwind", "northwind", "employees", "customers", "products", "orders", "order_details")


@pytest.fixture
def opportunities(bring_in: Callable[..., Imported]) -> Imported:
    return bring_in("crm_opportunities", "opportunities", "sales_teams", "accounts", "products", "sales_pipeline")


@pytest.fixture
async def traders(northwind: Imported) -> AsyncIterator[TestCrm]:
    """An app on the Northwind data."""
    async with open_crm(northwind.url) as opened:
        yield opened


@pytest.fixture
async def sellers(opportunities: Imported) -> AsyncIterator[TestCrm]:
    """An app on the sales opportunities."""
    async with open_crm(opportunities.url) as opened:
        yield opened
