"""A plugin of a folder that does a little of everything, for tests of the test kit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmcore.plugins import (
    Command,
    Crm,
    Draft,
    Job,
    JobRun,
    Manifest,
    PluginEvent,
    Route,
    Row,
    Veto,
    WebRequest,
    WebResponse,
    hookimpl,
    verify_signature,
)
from crmcore.schema import batch, extend

SECRET = "whsec_dGhlIHNlY3JldCBvZiB0aGUgYmFkZ2Vz"


async def colours(rows: Sequence[Row], ctx: Any) -> list[str | None]:
    return ["gold" if row["name"].startswith("A") else None for row in rows]


@extend("Customer")
class CustomerBadges:
    badges_colour: str | None = batch(colours, "Colour of the customer's badge.", needs=("name",))


async def print_badge(crm: Crm, run: JobRun) -> dict[str, Any]:
    response = await crm.http.post("https://printer.example/badges", json={"name": run.payload["name"]})
    response.raise_for_status()
    await crm.store.put(f"printed/{run.payload['name']}", response.json()["number"])
    return {"number": response.json()["number"]}


async def nightly(crm: Crm, run: JobRun) -> None:
    await crm.store.put("night", crm.now().isoformat())


async def lost(crm: Crm, request: WebRequest) -> WebResponse:
    verify_signature(request, SECRET, now=crm.now())
    await crm.store.put("lost", request.json()["name"])
    return WebResponse.json({"noted": True})


async def count(crm: Crm) -> int:
    return len(await crm.store.items("printed/"))


class Plugin:
    meta = Manifest(
        id="badges", title="Badges", description="Prints badges.", version="1.0", api=">=0.1,<1",
        subscribes=["customer.*"], outbound_hosts=["printer.example"], checks=["Customer"],
    )  # fmt: skip

    @hookimpl
    def crm_graph(self) -> Sequence[type]:
        return [CustomerBadges]

    @hookimpl
    def crm_jobs(self) -> Sequence[Job]:
        return [Job("print", print_badge, attempts=2), Job("nightly", nightly, cron="0 3 * * *")]

    @hookimpl
    def crm_routes(self) -> Sequence[Route]:
        return [Route("lost", lost, methods=("POST",))]

    @hookimpl
    def crm_commands(self) -> Sequence[Command]:
        return [Command("count", count, help="How many badges were printed.")]

    @hookimpl
    async def crm_validate(self, drafts: Sequence[Draft], crm: Crm) -> None:
        if any(draft.after["name"] == "Nobody" for draft in drafts):
            raise Veto("Nobody has no badge.", code="NO_BADGE", path="name")

    @hookimpl
    async def crm_on_event(self, event: PluginEvent, crm: Crm) -> None:
        await crm.store.put(f"told/{event.type}", dict(event.after or {}).get("name"))
