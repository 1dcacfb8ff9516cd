"""Ids of the graph, and keys of rows."""

from __future__ import annotations

from uuid import UUID


def key_of(global_id: str) -> UUID:
    """The key in a global id that the graph answered with."""
    return UUID(global_id[-36:])


def survey_id(key: UUID) -> str:
    return f"surveys_survey_{key}"


def invitation_id(key: UUID) -> str:
    return f"surveys_invitation_{key}"


def response_id(key: UUID) -> str:
    return f"surveys_response_{key}"


def contact_id(key: UUID) -> str:
    return f"contact_{key}"


def record_id(table: str, key: UUID) -> str:
    return f"{table}_{key}"
