"""What is valid about templates and campaigns: said when they are saved, not when they are sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from crmcore.errors import Invalid, Refusal, WrongState
from crmcore.plugins import Context, Draft, GraphQLFailed, crm_of
from crmcore_email.choices import EmailCampaignStatus
from crmcore_email.content import Source, TemplateFault, compiled

PLUGIN: Final = "email"
NOBODY: Final = f"contact_{UUID(int=0)}"


def source_of(row: Any) -> Source:
    """A template's columns as what is compiled."""
    return Source(
        row["subject"], row["body"], row["format"], row["text_body"] or "", " ".join(row["selection"].split())
    )


def of_a_language(draft: Draft) -> Iterable[Refusal]:
    """A translation says into which language; a template is no translation of itself."""
    if draft.after["translation_of_id"] and not draft.after["language"]:
        yield Invalid("Say in which language the translation is.", "language")
    if draft.after["translation_of_id"] == draft.id:
        yield Invalid("A template is no translation of itself.", "translationOfId")


async def can_be_sent(ctx: Context, tx: Any, drafts: Sequence[Draft]) -> None:
    """A template's words are its selection's, and those are the schema's."""
    crm = crm_of(ctx, PLUGIN)
    for draft in drafts:
        if not draft.changed("subject", "body", "format", "text_body", "selection"):
            continue
        if any(not draft.after[name] for name in ("subject", "body", "selection")):
            continue  # said already
        try:
            source = source_of(draft.after)
            await crm.in_thread(compiled, source)
            await crm.gql(f'query {{ contact(id: "{NOBODY}") {{ {source.selection} }} }}')
        except TemplateFault as fault:
            draft.refuse(Invalid(fault.message, fault.part))
        except GraphQLFailed as failed:
            draft.refuse(Invalid(f"selection: {_first(failed)}", "selection"))


def a_pace(draft: Draft) -> Iterable[Refusal]:
    """A campaign sends at least one mail a minute."""
    pace = draft.after["per_minute"]
    if pace is not None and not 1 <= pace <= 100_000:
        yield Invalid("perMinute is a number from 1 to 100000; leave it out to send without a pause.", "perMinute")


async def reaches_contacts(ctx: Context, tx: Any, drafts: Sequence[Draft]) -> None:
    """A segment is what contacts(where:) takes."""
    crm = crm_of(ctx, PLUGIN)
    for draft in drafts:
        segment = draft.after["segment"]
        if segment is None or not draft.changed("segment"):
            continue
        if not isinstance(segment, dict):
            draft.refuse(Invalid("segment is an object, as contacts(where:) takes it.", "segment"))
            continue
        try:
            await crm.gql(
                "query($where: ContactFilter) { contacts(where: $where, first: 1) { totalCount } }", where=segment
            )
        except GraphQLFailed as failed:
            draft.refuse(Invalid(f"segment: {_first(failed)}", "segment"))


async def unchanged_once_begun(ctx: Context, tx: Any, drafts: Sequence[Draft]) -> None:
    """Whom a campaign goes to, and what it says, stays once it has begun."""
    for draft in drafts:
        if draft.before is None or draft.before["status"] == EmailCampaignStatus.DRAFT:
            continue
        if draft.changed("segment", "template_id", "purpose"):
            draft.refuse(
                WrongState(
                    f"A campaign that is {draft.before['status']} keeps its template, segment and purpose.",
                    "status",
                    current=str(draft.before["status"]),
                    allowed=[],
                )
            )


def _first(failed: GraphQLFailed) -> str:
    return str(failed.errors[0].get("message", "")) if failed.errors else "it is not understood."
