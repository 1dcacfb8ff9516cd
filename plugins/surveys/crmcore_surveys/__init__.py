"""Surveys: what customers answer, and the latest score beside every customer."""

from __future__ import annotations

from collections.abc import Sequence

from crmcore.plugins import Manifest, hookimpl


class Plugin:
    """The entry point of the distribution."""

    meta = Manifest(
        id="surveys",
        title="Surveys",
        description="Records what customers answer to surveys, and shows the latest score beside every customer.",
        api=">=0.1,<1",
        models=[".models"],
        migrations=".migrations",
    )

    @hookimpl
    def crm_graph(self) -> Sequence[type]:
        """The response, how it is recorded, and what every customer shows of it."""
        from crmcore_surveys import commands, graph

        return [*graph.CLASSES, commands.SurveysResponseRecord]
