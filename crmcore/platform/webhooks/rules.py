"""What an endpoint may be, as far as the record alone tells."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from crmcore.errors import Invalid, Refusal
from crmcore.platform.record import Draft
from crmcore.platform.webhooks.addresses import Target

MOST_TYPES: Final = 50
"""Patterns of event types of one endpoint."""

_PATTERN: Final = re.compile(r"\*|[a-z][a-z0-9_]{0,62}\.(\*|[a-z][a-z0-9_]{0,55})", re.ASCII)


def url_fits(draft: Draft) -> Iterable[Refusal]:
    """The address can be sent to at all; where it leads is looked at whenever something is sent."""
    try:
        Target.of(draft.after["url"] or "")
    except ValueError as error:
        yield Invalid(f"url: {error}", "url")


def event_types_fit(draft: Draft) -> Iterable[Refusal]:
    """Every pattern is `*`, `deal.*` or `deal.won`."""
    patterns = draft.after["event_types"] or []
    if not patterns:
        yield Invalid('eventTypes: name at least one, like "deal.won", "deal.*" or "*".', "event_types")
    if len(patterns) > MOST_TYPES:
        yield Invalid(f"eventTypes: at most {MOST_TYPES}. deal.* stands for all of a kind.", "event_types")
    for place, pattern in enumerate(patterns):
        if not _PATTERN.fullmatch(pattern):
            said = f'eventTypes: {pattern[:80]!r} is none. Write "deal.won", "deal.*" or "*".'
            yield Invalid(said, "event_types", str(place))
