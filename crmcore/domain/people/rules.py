"""What is valid about people."""

from __future__ import annotations

from collections.abc import Iterable

from crmcore.errors import Invalid, Refusal
from crmcore.kit.emails import normal_email
from crmcore.platform.record import Draft


def valid_email(draft: Draft) -> Iterable[Refusal]:
    """A user's email can be sent to."""
    email = draft.after.get("email")
    if email is None:
        return
    try:
        normal_email(email)
    except ValueError as error:
        yield Invalid(f"email {error}.", "email")
