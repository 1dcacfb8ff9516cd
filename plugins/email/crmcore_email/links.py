"""The addresses that stand in mails: sealed, so that they say which mail it was, and of which tenant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from crmcore.domain.contacts import ConsentPurpose
from crmcore.plugins import Crm


def unsubscribe_url(crm: Crm, message: UUID, purpose: str) -> str:
    """Where the recipient of a message says that they want no more of this kind; none for what belongs to a deal."""
    if purpose == ConsentPurpose.TRANSACTIONAL:
        return ""
    return crm.url(f"unsubscribe/{crm.seal({'u': message.hex})}")


def pixel_url(crm: Crm, message: UUID) -> str:
    """An image that tells that a message is shown."""
    return crm.url(f"open/{crm.seal({'o': message.hex})}")


def click_urls(crm: Crm, message: UUID, places: Sequence[int]) -> list[str]:
    """Ways to the links of a campaign, by their places in its list."""
    return [crm.url(f"click/{crm.seal({'c': message.hex, 'n': place})}") for place in places]


def endpoint(crm: Crm, kind: str) -> str:
    """Where reports of mail servers are posted: whoever knows the address may, so it is told to administrators only."""
    return crm.url(f"{kind}/{crm.seal({'e': kind})}")


async def endpoints(crm: Crm) -> Mapping[str, str]:
    """Where delivery reports are posted as they came (a pipe of the mail server), and Mailgun's events."""
    return {kind: endpoint(crm, kind) for kind in ("dsn", "mailgun")}


async def opened(crm: Crm, token: str, name: str) -> tuple[Crm, dict[str, Any]] | None:
    """The Crm of a token's tenant, and what the token says, if it is of this kind."""
    found = await crm.unseal(token)
    return found if found is not None and name in found[1] else None


def message_in(said: Mapping[str, Any], name: str) -> UUID:
    return UUID(said[name])
