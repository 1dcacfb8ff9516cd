"""The demo's interactions: what was said about deals, cases and in care, and in between."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any, Final

from crmcore.demo.customers import Client
from crmcore.demo.diary import Diary, between, moment, pick, workday
from crmcore.demo.sales import Talk
from crmcore.demo.words import TALK
from crmcore.domain.activities import Interaction

INTERACTIONS: Final = 30_000


def talk(diary: Diary, clients: list[Client], talks: list[Talk]) -> None:
    """One exchange at least for everything that happened, the rest over everything by chance."""
    random = diary.random("talk")
    wanted = diary.count(INTERACTIONS)
    for cause in talks:
        _exchange(diary, random, cause, first=True)
    left = max(0, wanted - len(talks))
    lively = [cause for cause in talks if cause.touchpoint is None]
    for cause in random.choices(lively, k=round(left * 0.7)):
        _exchange(diary, random, cause, first=False)
    weights = [c.weight for c in clients]
    for client in random.choices(clients, weights, k=left - round(left * 0.7)):
        contact = random.choice(client.contacts) if client.contacts else None
        other = Talk(client, client.since + timedelta(days=1), diary.last, {}, contact=contact, user=client.owner.id)
        _exchange(diary, random, other, first=False)


def _exchange(diary: Diary, random: Random, cause: Talk, *, first: bool) -> None:
    about = "deal" if cause.deal else "case" if cause.case else "care" if cause.touchpoint else "other"
    kind, direction, subject, body = TALK[about][0] if first else random.choice(TALK[about])
    day = workday(cause.first if first else between(random, cause.first, cause.last))
    day = min(day, diary.last)
    at = moment(random, day)
    opened = day == cause.first
    if opened:
        at += timedelta(hours=17) - timedelta(hours=at.hour)  # after the record that it is about was made
    values: dict[str, Any] = {
        "kind": kind,
        "direction": direction,
        "at": at,
        "subject": subject.format(**cause.words)[:300],
        "body": body,
        "customer_id": cause.client.id,
        "contact_id": cause.contact,
        "deal_id": cause.deal,
        "case_id": cause.case,
        "touchpoint_id": cause.touchpoint,
        "user_id": cause.user,
        "duration_seconds": round(random.lognormvariate(5.9, 0.8)) if kind in ("CALL", "MEETING", "VISIT") else None,
        "sentiment": None
        if direction == "INTERNAL"
        else pick(random, [("POSITIVE", 4), ("NEUTRAL", 5), ("NEGATIVE", 2 if about == "case" else 0.5), (None, 4)]),
    }
    diary.create(at, Interaction, values)
