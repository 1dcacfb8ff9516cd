"""When deliveries are tried again, and when receivers are given rest."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from crmcore.platform.webhooks.retrying import ATTEMPTS, next_attempt, rest_until, wished_pause

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_pauses_grow_over_three_days():
    at, pauses = NOW, []
    for attempt in range(1, ATTEMPTS):
        again = next_attempt(attempt, at)
        pauses.append(again - at)
        at = again
    assert next_attempt(ATTEMPTS, at) is None
    assert all(earlier < later for earlier, later in itertools.pairwise(pauses))
    assert timedelta(seconds=5) <= pauses[0] <= timedelta(seconds=6)
    assert timedelta(days=2.9) < at - NOW < timedelta(days=3.7)


def test_what_failed_together_does_not_come_back_together():
    assert len({next_attempt(3, NOW) for _ in range(20)}) > 10


def test_the_receivers_wish_is_heard():
    assert next_attempt(1, NOW, timedelta(hours=2)) == NOW + timedelta(hours=2)
    assert next_attempt(6, NOW, timedelta(seconds=1)) >= NOW + timedelta(hours=1)
    assert rest_until(1, NOW, NOW, timedelta(minutes=2)) == NOW + timedelta(minutes=2)


def test_a_receiver_rests_half_as_long_as_it_has_been_failing():
    assert rest_until(4, NOW, NOW + timedelta(hours=1)) is None
    assert timedelta(seconds=5) <= rest_until(5, NOW, NOW) - NOW <= timedelta(seconds=6)
    later = NOW + timedelta(minutes=2)
    assert timedelta(minutes=1) <= rest_until(9, NOW, later) - later <= timedelta(minutes=1.2)
    days = NOW + timedelta(days=2)
    assert timedelta(minutes=5) <= rest_until(999, NOW, days) - days <= timedelta(minutes=6)


@pytest.mark.parametrize(
    "header, seconds",
    [
        ("120", 120), (" 0 ", 0), ("999999999", 86_400), ("Sun, 22 Nov 2026 12:01:00 GMT", 60), ("Sat, 21 Nov 2026 12:00:00 GMT", 0),
        ("Tue, 22 Dec 2026 12:00:00 GMT", 86_400), ("soon", None), ("", None), ("-5", None), ("1.5", None), ("9" * 400, None), ("٣", None),
    ],
)  # fmt: skip
def test_retry_after(header, seconds):
    found = wished_pause(header, NOW)
    assert found == (None if seconds is None else timedelta(seconds=seconds))
