"""The write engine's fixtures, and a small company."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest

from crmcore.domain.customers import Customer
from crmcore.domain.deals import Pipeline, Stage
from crmcore.errors import CrmError, Refusal, Refusals
from crmcore.platform.context import Context
from crmcore.records import Create, Record, write
from tests.records.conftest import NOW, ctx, facts, graph, read

__all__ = ["NOW", "ctx", "facts", "graph", "read", "refusal"]


async def made(ctx: Context, model: type[Record], **values: Any) -> UUID:
    """The id of a new record."""
    [written] = await write(ctx, [Create(model, values)])
    return written.id


async def refusal(command: Any) -> Refusal:
    """The one refusal with which a command ends."""
    with pytest.raises(CrmError) as caught:
        await command
    if isinstance(caught.value, Refusals):
        [found] = caught.value.refusals
        return found
    assert isinstance(caught.value, Refusal)
    return caught.value


@pytest.fixture
async def customer(ctx: Context) -> UUID:
    return await made(ctx, Customer, name="Acme")


@pytest.fixture
async def stages(ctx: Context) -> Mapping[str, UUID]:
    """The default sales pipeline; `pipeline` is its own id."""
    pipeline = await made(ctx, Pipeline, name="Sales", is_default=True)
    rows = (
        ("new", "OPEN", 10),
        ("offer", "OPEN", 50),
        ("hold", "ON_HOLD", 20),
        ("won", "WON", 100),
        ("lost", "LOST", 0),
    )
    written = await write(
        ctx,
        [
            Create(
                Stage, {"pipeline_id": pipeline, "name": name, "type": kind, "probability": chance, "position": place}
            )
            for place, (name, kind, chance) in enumerate(rows, 1)
        ],
    )
    return {"pipeline": pipeline} | {name: w.id for (name, _, _), w in zip(rows, written, strict=True)}
