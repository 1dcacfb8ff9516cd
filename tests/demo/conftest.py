"""The models linked up, which changes need."""

from __future__ import annotations

import pytest

from crmcore.migrations import CORE
from crmcore.platform.metadata import load_models
from crmcore.records import RecordGraph, graph_of


@pytest.fixture
async def graph() -> RecordGraph:
    return graph_of(await load_models([CORE]))
