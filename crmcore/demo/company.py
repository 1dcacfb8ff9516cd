"""The demo's company as a whole: a year of it, from a seed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from crmcore.demo.cases import care, serve
from crmcore.demo.customers import acquire, settle
from crmcore.demo.diary import Diary
from crmcore.demo.sales import sell
from crmcore.demo.staff import found
from crmcore.demo.talk import talk
from crmcore.domain.people import Team


def a_year(seed: int, today: date, scale: float) -> Diary:
    """Everything that happened in the year before `today`. The same arguments give the same diary, ids included."""
    diary = Diary(seed, today, scale)
    staff = found(diary)
    clients = acquire(diary, staff)
    talks = sell(diary, staff, clients)
    talks += serve(diary, staff, clients)
    talks += care(diary, staff, clients)
    talk(diary, clients, talks)
    settle(diary, clients)
    midnight = datetime.combine(today, time(), UTC) - timedelta(seconds=1)
    diary.update(midnight, Team, staff.company, {"manager_id": staff.care[0].id})
    return diary
