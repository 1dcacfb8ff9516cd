"""A plugin that is a folder and nothing else: visits to our shop, and what they are worth."""

from __future__ import annotations

from collections.abc import Sequence

from crmcore.plugins import Manifest, hookimpl


class Plugin:
    """What crmcore looks for in a folder plugin."""

    meta = Manifest(
        id="loyalty",
        title="Loyalty",
        description="Counts visits, and finds the words for a letter.",
        version="1.2.0",
        api=">=0.1,<1",
        models=[".models"],
        migrations=".migrations",
    )

    @hookimpl
    def crm_graph(self) -> Sequence[type]:
        from . import graph

        return [
            graph.LoyaltyVisit, graph.CustomerLoyalty, graph.InteractionLoyalty, graph.CustomerLoyaltyInputs,
            graph.AddressLoyaltyInputs, graph.TimelineItemLoyalty,
        ]  # fmt: skip
