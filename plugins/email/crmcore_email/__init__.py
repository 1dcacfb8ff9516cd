"""Email campaigns: templates, campaigns to segments of contacts, single mails, and what becomes of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from crmcore.plugins import Manifest, Permission, Problem, hookimpl
from crmcore_email.settings import EmailSettings

if TYPE_CHECKING:
    from crmcore.plugins import Command, Crm, Job, PluginEvent, Route


class Plugin:
    """The entry point of the distribution."""

    meta = Manifest(
        id="email",
        title="Email campaigns",
        description="Sends mail to contacts who may get it, and follows what becomes of it.",
        api=">=0.1,<1",
        models=[".models"],
        migrations=".migrations",
        settings=EmailSettings,
        subscribes=["consent.changed"],
        permissions=[
            Permission("email.send", "Send mail: single mails, and campaigns with all that is done with them.")
        ],
    )

    def __init__(self) -> None:
        from crmcore_email.delivery import Pools

        self._pools = Pools()

    @hookimpl
    def crm_graph(self) -> Sequence[type]:
        """Templates, campaigns, mails and addresses that get none, with what is done with them."""
        from crmcore_email import graph

        return [
            graph.EmailTemplate, graph.EmailCampaign, graph.EmailMessage, graph.EmailSuppression, graph.ContactEmail,
            graph.EmailCampaignSend, graph.EmailCampaignPause, graph.EmailCampaignResume, graph.EmailCampaignCancel,
            graph.EmailMessageSend, graph.EmailSuppressionAdd, graph.EmailPreview, graph.EmailTemplatePreview,
        ]  # fmt: skip

    @hookimpl
    def crm_jobs(self) -> Sequence[Job]:
        """A campaign begins, goes on, and is sent a batch at a time; a single mail is sent."""
        from crmcore.plugins import Job
        from crmcore_email import recipients, routes
        from crmcore_email.jobs import Jobs

        jobs = Jobs(self._pools)
        return [
            Job("campaign", recipients.begin, timeout=3600),
            Job("resume", recipients.go_on),
            Job("batch", jobs.batch, attempts=200, timeout=3600),
            Job("message", jobs.message, attempts=15),
            Job("forget", routes.forget, cron="23 * * * *"),
        ]

    @hookimpl
    def crm_routes(self) -> Sequence[Route]:
        """Unsubscribing, opens and clicks, and the reports of mail servers."""
        from crmcore_email.routes import routes

        return routes()

    @hookimpl
    def crm_commands(self) -> Sequence[Command]:
        """Where reports of mail servers are posted."""
        from crmcore.plugins import Command
        from crmcore_email.links import endpoints

        return [Command("endpoints", endpoints, "Print the addresses to which reports of bounces are posted.")]

    @hookimpl
    @asynccontextmanager
    async def crm_lifespan(self, crm: Crm) -> AsyncIterator[None]:
        """Connections to mail servers are opened when they are needed, and end with the app."""
        try:
            yield
        finally:
            await self._pools.close()

    @hookimpl
    async def crm_health(self, crm: Crm) -> Sequence[Problem]:
        """The mail server, where it was not reached when it was tried last."""
        said = self._pools.problem(crm)
        return [Problem("smtp", f"The mail server is not to be reached: {said}", "ERROR")] if said else []

    @hookimpl
    async def crm_on_event(self, event: PluginEvent, crm: Crm) -> None:
        """Who consents anew gets mail again."""
        from crmcore_email.suppression import forgive

        await forgive(event, crm)
