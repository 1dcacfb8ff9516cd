"""A plugin that exists only here: actions that work, refuse and break."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from crmcore.domain import customers
from crmcore.errors import Invalid, Refusals, WrongState
from crmcore.plugins import Manifest, Plugins, hookimpl
from crmcore.plugins.discovery import Candidate
from crmcore.schema import action, arg, batch, extend

if TYPE_CHECKING:
    from crmcore.schema import Customer, Team

calls: list[dict] = []


async def note(ctx, id: UUID, **given) -> UUID:
    calls.append({"id": id, **given})
    return id


async def refuse(ctx, id: UUID, **_) -> UUID:
    raise Refusals(
        [
            Invalid("Choose another team.", "team_id"),
            WrongState("It stands still.", current="STILL", allowed=["MOVING"]),
        ]
    )


async def broken(ctx, id: UUID, **_) -> UUID:
    raise RuntimeError("the secret of the house")


async def slow(ctx, id: UUID, **_) -> UUID:
    await asyncio.sleep(30)
    return id


async def shout(rows, ctx) -> list[str]:
    return [row["name"].upper() for row in rows]


@action(customers.Customer, note)
class ToysNote:
    """Note something."""

    team: Team = arg("The team.")
    friend: Customer | None = arg("A friend.")
    on: date | None = arg("The day.")
    roles: list[customers.CustomerRole] | None = arg("Roles.")


@action(customers.Customer, refuse)
class ToysRefuse:
    """Refuse."""

    team: Team | None = arg("The team.")


@action(customers.Customer, broken)
class ToysBreak:
    """Break."""


@action(customers.Customer, slow)
class ToysWait:
    """Take long."""


@extend("Customer")
class CustomerToys:
    """What customers get."""

    toys_loud: str | None = batch(shout, "The name, loud.", needs=("name",))


class Plugin:
    meta = Manifest(id="toys", title="Toys", description="For tests.", version="1.0", api=">=0.1,<1")

    @hookimpl
    def crm_graph(self):
        return [ToysNote, ToysRefuse, ToysBreak, ToysWait, CustomerToys]


def toys() -> Plugins:
    return Plugins([Candidate("toys", "tests", lambda: Plugin)])
