"""What is valid about contacts, and how their names are written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from crmcore.domain.contacts.events import CONSENT_CHANGED
from crmcore.errors import Invalid, Refusal
from crmcore.platform.record import Draft

_EAST_ASIAN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
_PARTS: Final = ("first_name", "last_name")


def full_name(draft: Draft) -> Iterable[Refusal]:
    """Derive `name` from the first and last name, in the order in which the person writes them.

    A contact known by one name only may be given `name` alone.
    """
    parts = [part.strip() for column in _PARTS if (part := draft.after.get(column)) and part.strip()]
    if not parts and draft.changed(*_PARTS) and not draft.changed("name"):
        draft.after["name"] = None
    if parts and (draft.changed(*_PARTS, "native_name_order", "name")):
        draft.after["name"] = written(parts, draft.after.get("native_name_order") == "FAMILY_FIRST")
    if not draft.after.get("name"):
        yield Invalid("A contact needs a name: give firstName, lastName or both.", "name")


def written(parts: list[str], family_first: bool) -> str:
    """Both names as one text: `Anna Weiß`; family name first `Nagy Anna` and, in East Asian script, `王芳`."""
    ordered = parts[::-1] if family_first else parts
    tight = family_first and all(_EAST_ASIAN.fullmatch(part) for part in parts)
    return ("" if tight else " ").join(ordered)


def valid_period(draft: Draft) -> Iterable[Refusal]:
    """A link does not end before it begins."""
    start, end = draft.after.get("valid_from"), draft.after.get("valid_to")
    if start is not None and end is not None and end < start:
        yield Invalid("validTo must not be before validFrom.", "validTo")


def consent_period(draft: Draft) -> Iterable[Refusal]:
    """A consent does not end before it is given."""
    at, end = draft.after.get("at"), draft.after.get("expires_at")
    if at is not None and end is not None and end <= at:
        yield Invalid("expiresAt must be after the time of the consent.", "expiresAt")


def tell_consent(draft: Draft) -> Iterable[Refusal]:
    """A consent that is the last word is a fact of its own."""
    if draft.operation == "create" and draft.after.get("is_current"):
        draft.events.append(CONSENT_CHANGED)
    return ()
