"""Surveys: who is asked and when, the page where they answer, what it came to, and what follows from a low score."""

from __future__ import annotations

from collections.abc import Sequence

from crmcore.plugins import Crm, Job, Manifest, PluginEvent, Route, hookimpl
from crmcore_surveys.settings import SurveysSettings


class Plugin:
    """The entry point of the distribution."""

    meta = Manifest(
        id="surveys",
        title="Surveys",
        description="Asks customers what they think, when something happened, and looks after those who are unhappy.",
        api=">=0.1,<1",
        models=[".models"],
        migrations=".migrations",
        settings=SurveysSettings,
        subscribes=[
            "case.resolved",
            "order.delivered",
            "email_message.suppressed",
            "email_message.bounced",
            "email_message.failed",
        ],
    )

    @hookimpl
    def crm_graph(self) -> Sequence[type]:
        """The records, how people are invited, how answers are recorded, and the results."""
        from crmcore_surveys import commands, graph, results

        return [*graph.CLASSES, *results.CLASSES, commands.SurveysResponseRecord]

    @hookimpl
    def crm_jobs(self) -> Sequence[Job]:
        """Asking when it is time, following up a response, ending what has expired."""
        from crmcore_surveys import following, invitations

        return [
            Job("ask", invitations.ask),
            Job("follow_up", following.follow_up, rerun=True),
            Job("expire", invitations.end_expired, cron="17 * * * *", timeout=600),
        ]

    @hookimpl
    def crm_routes(self) -> Sequence[Route]:
        """The page where an invitation is answered."""
        from crmcore_surveys.answering import answer

        return [Route("answer/{token}", answer, methods=("GET", "POST"))]

    @hookimpl
    async def crm_on_event(self, event: PluginEvent, crm: Crm) -> None:
        """A case was resolved or an order delivered: rules invite. A mail did not arrive: its invitation says so."""
        from crmcore_surveys.following import hear

        await hear(crm, event)
