"""The demo's cases in all their states, and its care plans with touchpoints past and to come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

from crmcore.demo.customers import Client
from crmcore.demo.diary import Diary, between, moment, pick, workday
from crmcore.demo.sales import Talk
from crmcore.demo.staff import Colleague, Staff
from crmcore.demo.words import CARE_GOALS, CASES
from crmcore.domain.care import CarePlan, Touchpoint
from crmcore.domain.cases import Case

CASES_A_YEAR: Final = 2000
CARE_PLANS: Final = 500
AHEAD: Final = 60
"""How many days ahead touchpoints are planned."""


def serve(diary: Diary, staff: Staff, clients: list[Client]) -> list[Talk]:
    """All cases; the talks about them."""
    random = diary.random("cases")
    weights = [c.weight for c in clients]
    return [
        _case(diary, staff, random, client) for client in random.choices(clients, weights, k=diary.count(CASES_A_YEAR))
    ]


def care(diary: Diary, staff: Staff, clients: list[Client]) -> list[Talk]:
    """Plans for the most important customers; the talks that touchpoints led to."""
    nurse = _Nurse(diary, staff, diary.random("care"))
    chosen = sorted((c for c in clients if c.since < diary.last - timedelta(days=30)), key=lambda c: -c.weight)
    for client in chosen[: diary.count(CARE_PLANS)]:
        nurse.plan(client)
    return nurse.talks


def _case(diary: Diary, staff: Staff, random: Random, client: Client) -> Talk:
    kind, _, category, subject, resolution = random.choices(CASES, [weight for _, weight, *_ in CASES])[0]
    opened = workday(between(random, client.since + timedelta(days=1), diary.last))
    opened = min(opened, diary.last)
    article, agent = random.choice(staff.articles), random.choice(staff.service)
    contact = random.choice(client.contacts) if client.contacts else None
    important, grave = client.values["importance"] == "A", kind in ("COMPLAINT", "TECHNICAL")
    haste = [("LOW", 2), ("NORMAL", 6), ("HIGH", 6 if important else 2), ("URGENT", 2 if important else 0.4)]
    title = subject.format(product=article.name)
    values: dict[str, Any] = {
        "type": kind,
        "category": category,
        "subject": title,
        "customer_id": client.id,
        "contact_id": contact,
        "product_id": article.id if "{product}" in subject else None,
        "description": "Reported by the customer, see the exchange.",
        "owner_id": agent.id,
        "team_id": agent.team,
        "priority": pick(random, haste),
        "severity": pick(random, [("MINOR", 6), ("MAJOR", 3), ("CRITICAL", 0.6)]) if grave else None,
        "channel": pick(random, [("PHONE", 4), ("EMAIL", 6), ("WEB", 2), ("CHAT", 2)]),
    }
    key = diary.create(moment(random, opened), Case, values)
    ended = _solve(diary, random, key, opened, resolution)
    return Talk(client, opened, ended, {"subject": title}, case=key, contact=contact, user=agent.id)


def _solve(diary: Diary, random: Random, case: UUID, opened: date, resolution: str) -> date:
    """The case's moves as far as they are past; its last day."""
    end = pick(random, [("RESOLVED", 92), ("REJECTED", 4), ("DUPLICATE", 4)])
    waits = pick(random, [("", 55), ("WAITING_CUSTOMER", 25), ("WAITING_THIRD_PARTY", 12), ("ON_HOLD", 8)])
    day = workday(opened + timedelta(days=1))
    if not diary.knows(day):
        return diary.last
    first = moment(random, day)
    if end != "RESOLVED":
        diary.update(first, Case, case, {"status": end}, moves=True)
        return day
    diary.update(first, Case, case, {"status": "OPEN", "first_response_at": first}, moves=True)
    if waits:
        day = workday(day + timedelta(days=1 + int(random.expovariate(0.5))))
        if not diary.knows(day):
            return diary.last
        diary.update(moment(random, day), Case, case, {"status": waits}, moves=True)
    day = workday(day + timedelta(days=1 + round(random.lognormvariate(1.3, 0.9))))
    if not diary.knows(day):
        return diary.last
    at = moment(random, day)
    solved = {"status": "RESOLVED", "resolved_at": at, "resolution": resolution, "resolution_code": "SOLVED"}
    diary.update(at, Case, case, solved, moves=True)
    later = workday(day + timedelta(days=7))
    if diary.knows(later):
        at = moment(random, later)
        diary.update(at, Case, case, {"status": "CLOSED", "closed_at": at}, moves=True)
    return day


@dataclass(slots=True)
class _Nurse:
    diary: Diary
    staff: Staff
    random: Random

    def __post_init__(self) -> None:
        self.talks: list[Talk] = []

    talks: list[Talk] = None  # type: ignore[assignment]  # made above

    def plan(self, client: Client) -> None:
        """A plan of a year or so, with a touchpoint every few weeks until after today."""
        begins = workday(between(self.random, client.since + timedelta(days=1), self.diary.last - timedelta(days=20)))
        begins = min(begins, self.diary.last - timedelta(days=5))
        ends = begins + timedelta(days=365)
        carer = self.random.choice(self.staff.care)
        at = moment(self.random, begins)
        values: dict[str, Any] = {
            "customer_id": client.id,
            "name": f"Care plan {begins.year} for {client.name}"[:200],
            "goal": self.random.choice(CARE_GOALS),
            "status": "DRAFT",
            "starts_on": begins,
            "ends_on": ends,
            "owner_id": carer.id,
            "team_id": carer.team,
        }
        key = self.diary.create(at, CarePlan, values)
        if self.random.random() < 0.05:
            return  # still a draft
        day = workday(begins + timedelta(days=1))
        self.diary.update(moment(self.random, day), CarePlan, key, {"status": "ACTIVE"}, moves=True)
        stops = self._stop(key, day)
        cadence = {"A": 24, "B": 38, "C": 60}[client.values["importance"]]
        planned = day
        last = min(ends, self.diary.today + timedelta(days=AHEAD))
        while planned < last and (stops is None or planned < stops):
            planned = workday(planned + timedelta(days=cadence + self.random.randint(-5, 5)))
            self._touch(client, key, carer, at, planned)

    def _stop(self, plan: UUID, active: date) -> date | None:
        """A few plans are paused or cancelled on the way; the day."""
        if self.random.random() > 0.1:
            return None
        day = workday(active + timedelta(days=self.random.randint(40, 200)))
        if not self.diary.knows(day):
            return None
        status = self.random.choice(("PAUSED", "PAUSED", "CANCELLED"))
        self.diary.update(moment(self.random, day), CarePlan, plan, {"status": status}, moves=True)
        return day

    def _touch(self, client: Client, plan: UUID, carer: Colleague, made: datetime, planned: date) -> None:
        contact = self.random.choice(client.contacts) if client.contacts else None
        occasion = pick(
            self.random,
            [("CADENCE", 70), ("POST_PURCHASE", 10), ("ANNIVERSARY", 6), ("HOLIDAY", 5), ("AFTER_COMPLAINT", 4)],
        )
        values: dict[str, Any] = {
            "care_plan_id": plan,
            "customer_id": client.id,
            "contact_id": contact,
            "user_id": carer.id,
            "occasion": occasion,
            "planned_on": planned,
            "window_from": planned - timedelta(days=3),
            "window_to": planned + timedelta(days=7),
            "channel": pick(self.random, [("PHONE", 6), ("EMAIL", 3), ("IN_PERSON", 2)]),
        }
        key = self.diary.create(made + timedelta(minutes=1), Touchpoint, values)
        done = workday(planned + timedelta(days=self.random.randint(0, 4)))
        if not self.diary.knows(done):
            if planned <= self.diary.last:
                due = max(datetime.combine(planned, time(5), UTC), made + timedelta(minutes=2))
                self.diary.update(due, Touchpoint, key, {"status": "DUE"}, moves=True)
            return
        at = moment(self.random, done)
        if self.random.random() < 0.1:
            skipped = {"status": "SKIPPED", "skip_reason": "Spoke with them about a case the day before."}
            self.diary.update(at, Touchpoint, key, skipped, moves=True)
            return
        outcome = pick(self.random, [("POSITIVE", 50), ("NEUTRAL", 30), ("NEGATIVE", 8), ("NO_REACH", 12)])
        self.diary.update(at, Touchpoint, key, {"status": "DONE", "done_at": at, "outcome": outcome}, moves=True)
        self.talks.append(Talk(client, done, done, {}, touchpoint=key, contact=contact, user=carer.id))
