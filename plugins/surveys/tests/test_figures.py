"""The figures that must come out: those of loyalty research, and of data whose results are published."""

from __future__ import annotations

import csv
import random
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from crmcore_surveys.figures import Interval, gap, recommendation, satisfaction, wilson

PLACES = [place / "shared" / "data" / "nps_reference" / "nps_testdata.csv" for place in Path(__file__).parents]
REFERENCE = next((place for place in PLACES if place.exists()), None)


def test_a_score_and_its_interval_are_those_of_the_literature():
    """50, 30 and 20 of a hundred: 30, and adjusted Wald 14.05 to 44.20 (Rocks 2016)."""
    found = recommendation({10: 20, 9: 30, 8: 10, 7: 20, 6: 15, 0: 5})
    assert (found.count, found.promoters, found.passives, found.detractors) == (100, 50, 30, 20)
    assert (found.score, found.standard_error) == (Decimal("30.0000"), Decimal("7.8102"))
    assert found.interval == Interval(Decimal("14.0511"), Decimal("44.2013"))


def test_published_data_give_the_published_score():
    """1,000 answers: a score of 10.0 with a standard error of .02853."""
    if REFERENCE is None:
        pytest.skip("The published data are not here: no shared/data/nps_reference/nps_testdata.csv in a folder above.")
    with REFERENCE.open(encoding="utf-8") as rows:
        counts = Counter(int(row["REC"]) for row in csv.DictReader(rows))
    found = recommendation(counts)
    assert (found.count, found.score, found.standard_error) == (1000, Decimal("10.0000"), Decimal("2.8531"))
    assert found.interval == Interval(Decimal("4.3897"), Decimal("15.5505"))


def test_satisfaction_is_the_two_best_levels_with_wilsons_interval():
    """Wilson's interval of 7 in 8 is 52.91 to 97.76; of none in ten it reaches from 0 to 27.75."""
    found = satisfaction({5: 4, 4: 3, 1: 1})
    assert (found.count, found.satisfied, found.share) == (8, 7, Decimal("87.5000"))
    assert (found.mean, found.index) == (Decimal("4.1250"), Decimal("78.1250"))
    assert found.interval == Interval(Decimal("52.9112"), Decimal("97.7583"))
    assert wilson(0, 10) == Interval(Decimal("0.0000"), Decimal("27.7533"))


def test_nobodys_answers_are_no_figure():
    assert recommendation({}).score is satisfaction({}).share is gap({}).gap is wilson(0, 0) is None


def test_a_gap_is_what_was_found_less_what_was_expected():
    found = gap({(5, 4): 3, (7, 7): 1})
    assert (found.expected, found.perceived, found.gap) == (Decimal("5.5000"), Decimal("4.7500"), Decimal("-0.7500"))
    assert found.interval == Interval(Decimal("-1.2400"), Decimal("-0.2600"))
    assert gap({(3, 4): 1}).interval is None


def test_intervals_hold_their_figure_and_stay_on_the_scale():
    """Of any counts; and more answers of the same kind make them narrower."""
    chance = random.Random(20261123)
    for _ in range(300):
        counts = Counter(chance.randrange(11) for _ in range(chance.randrange(1, 60)))
        few, many = recommendation(counts), recommendation({score: n * 9 for score, n in counts.items()})
        for found in (few, many):
            assert found.interval is not None
            assert -100 <= found.interval.low <= found.interval.high <= 100
        assert few.score == many.score
        assert many.interval.high - many.interval.low <= few.interval.high - few.interval.low
        levels = Counter(chance.randrange(1, 6) for _ in range(chance.randrange(1, 60)))
        share = satisfaction(levels)
        assert 0 <= share.interval.low <= share.share <= share.interval.high <= 100
        assert 0 <= share.index <= 100
