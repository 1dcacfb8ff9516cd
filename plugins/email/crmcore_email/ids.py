"""Ids of the graph and keys of rows."""

from __future__ import annotations

from uuid import UUID


def key_of(global_id: str | None) -> UUID | None:
    """The key in a global id that the graph answered with."""
    return UUID(global_id[-36:]) if global_id else None


def known(global_id: str) -> UUID:
    """The same, where there is one."""
    return UUID(global_id[-36:])


def contact_id(key: UUID) -> str:
    return f"contact_{key}"


def campaign_id(key: UUID) -> str:
    return f"email_campaign_{key}"


def message_gid(key: UUID) -> str:
    return f"email_message_{key}"


def template_id(key: UUID) -> str:
    return f"email_template_{key}"
