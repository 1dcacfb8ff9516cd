"""Email campaigns: templates, campaigns to segments of contacts, single mails, and what becomes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmcore.plugins import Manifest, hookimpl
from crmcore_email.settings import EmailSettings

if TYPE_CHECKING:
    from crmcore.plugins import Crm, Job, PluginEvent, Route


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
    async def crm_on_event(self, event: PluginEvent, crm: Crm) -> None:
        """Who consents anew gets mail again."""
        from crmcore_email.suppression import forgive

        await forgive(event, crm)
