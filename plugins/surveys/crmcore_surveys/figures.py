"""What answers add up to: counts, shares and their intervals. Pure; every formula with its source.

Counts stay beside every ratio, so that a reader can check it; a figure of nobody's answers is None, never 0. Intervals
are at 95 percent. Scores from 0 to 100 (or -100 to 100) have four places.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import sqrt

Z = 1.959963984540054
"""The standard normal quantile of 97.5 percent: two-sided 95 percent."""

Counts = Mapping[int, int]
"""How many gave each value."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Between these the figure lies, as far as such a sample can tell."""

    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The net promoter score of answers from 0 to 10, from -100 to 100.

    Promoters answer 9 or 10, passives 7 or 8, detractors 6 or less; the score is the share of promoters less that of
    detractors (Reichheld, Harvard Business Review 12/2003). `standard_error` is sqrt((p + d - (p - d)^2) / n), in
    points. `interval` is the adjusted Wald interval of Rocks (2016), with three answers added: 3/4 to the promoters,
    3/4 to the detractors, the rest to the passives.
    """

    count: int
    promoters: int
    passives: int
    detractors: int
    score: Decimal | None
    standard_error: Decimal | None
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Satisfaction:
    """Answers on a scale from 1 to `levels`, of which the two best count as satisfied.

    `share` is the percentage of the satisfied, `interval` Wilson's score interval of it (Wilson, JASA 22, 1927).
    `index` is the mean brought to 0 to 100, (mean - 1) / (levels - 1) * 100, as the American Customer Satisfaction
    Index does.
    """

    count: int
    satisfied: int
    share: Decimal | None
    interval: Interval | None
    mean: Decimal | None
    index: Decimal | None


@dataclass(frozen=True, slots=True)
class Gap:
    """What was found less what was expected, in points (SERVQUAL: Parasuraman, Zeithaml and Berry, 1988).

    Below zero it fell short. The interval is mean -+ z * s / sqrt(n), s the deviation of the single differences.
    """

    count: int
    expected: Decimal | None
    perceived: Decimal | None
    gap: Decimal | None
    interval: Interval | None


def recommendation(counts: Counts) -> Recommendation:
    """The net promoter score of counted answers from 0 to 10."""
    promoters = sum(n for score, n in counts.items() if score >= 9)
    detractors = sum(n for score, n in counts.items() if score <= 6)
    count = sum(counts.values())
    passives = count - promoters - detractors
    if not count:
        return Recommendation(0, 0, 0, 0, None, None, None)
    score, error = _net(promoters, detractors, count)
    middle, spread = _net(promoters + 0.75, detractors + 0.75, count + 3)
    return Recommendation(
        count, promoters, passives, detractors, _places(100 * score), _places(100 * error),
        _interval(100 * (middle - Z * spread), 100 * (middle + Z * spread), -100, 100),
    )  # fmt: skip


def satisfaction(counts: Counts, levels: int = 5) -> Satisfaction:
    """The satisfied among counted answers from 1 to `levels`, their mean and its index."""
    count = sum(counts.values())
    satisfied = sum(n for level, n in counts.items() if level >= levels - 1)
    if not count:
        return Satisfaction(0, 0, None, None, None, None)
    mean = sum(level * n for level, n in counts.items()) / count
    index = (mean - 1) / (levels - 1) * 100
    found = share(satisfied, count)
    return Satisfaction(count, satisfied, found, wilson(satisfied, count), _places(mean), _places(index))


def share(hits: int, count: int) -> Decimal | None:
    """A share in percent."""
    return _places(100 * hits / count) if count else None


def wilson(hits: int, count: int) -> Interval | None:
    """Wilson's score interval of a share, in percent: (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)."""
    if not count:
        return None
    p, z2 = hits / count, Z * Z
    middle = (p + z2 / (2 * count)) / (1 + z2 / count)
    spread = Z * sqrt(p * (1 - p) / count + z2 / (4 * count * count)) / (1 + z2 / count)
    return _interval(100 * (middle - spread), 100 * (middle + spread), 0, 100)


def gap(pairs: Mapping[tuple[int, int], int]) -> Gap:
    """What was found less what was expected, of counted pairs (expected, perceived)."""
    count = sum(pairs.values())
    if not count:
        return Gap(0, None, None, None, None)
    expected = sum(e * n for (e, _), n in pairs.items()) / count
    perceived = sum(p * n for (_, p), n in pairs.items()) / count
    mean = perceived - expected
    interval = None
    if count > 1:
        squares = sum(n * (p - e - mean) ** 2 for (e, p), n in pairs.items())
        spread = Z * sqrt(squares / (count - 1) / count)
        interval = Interval(_places(mean - spread), _places(mean + spread))
    return Gap(count, _places(expected), _places(perceived), _places(mean), interval)


def _net(promoters: float, detractors: float, count: float) -> tuple[float, float]:
    """Promoters less detractors as a share, and its standard error."""
    p, d = promoters / count, detractors / count
    return p - d, sqrt(max(p + d - (p - d) ** 2, 0.0) / count)


def _interval(low: float, high: float, least: float, most: float) -> Interval:
    return Interval(_places(max(low, least)), _places(min(high, most)))


def _places(value: float) -> Decimal:
    return Decimal(f"{value:.4f}") + 0
