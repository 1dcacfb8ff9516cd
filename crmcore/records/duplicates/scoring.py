"""How sure we are that two records are the same, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from crmcore.kit.choices import Choices
from crmcore.kit.names import likeness
from crmcore.kit.words import plain
from crmcore.platform.record import Likeness

EMAIL, PHONE, NUMBER = 0.9, 0.75, 0.97
"""How sure one thing in common makes us. A second one leaves only the rest of the doubt."""

STRANGERS: Final = 0.5
"""Names less alike than this speak for two who share a mailbox or a switchboard."""

ALIKE_FROM: Final = 0.8
"""Names less alike than this say nothing."""

OTHER_NUMBER: Final = 0.5
"""What is left of a score when both have a tax number, and not the same."""


class ReasonKind(Choices):
    """What two records have in common."""

    EMAIL = "EMAIL", "The same email address."
    PHONE = "PHONE", "The same phone number, perhaps written without the country."
    TAX_ID = "TAX_ID", "The same tax number."
    NAME = "NAME", "The same name, or one that is nearly the same, legal forms apart."
    OTHER_TAX_ID = "OTHER_TAX_ID", "Both have a tax number, and not the same: that speaks against it."
    OTHER_NAME = "OTHER_NAME", "The names are quite different: they may only share an address or a number."


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that speaks for, or against, two records being the same. `weight` is how much, from -1 to 1."""

    kind: ReasonKind
    value: str
    weight: float

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind.value, "value": self.value, "weight": self.weight}


@dataclass(slots=True)
class Profile:
    """What of a record is compared. Emails and phones are normalized."""

    names: Sequence[str] = ()
    numbers: Sequence[str] = ()
    emails: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()


@dataclass(slots=True)
class Score:
    """The sum of the reasons, from 0 to 1."""

    value: float = 0.0
    reasons: list[Reason] = field(default_factory=list)


def score(how: Likeness, one: Profile, other: Profile) -> Score:
    """How sure we are that these are the same."""
    found = Score()
    alike, named = _alike(one.names, other.names)
    shared = 0.5 if one.names and other.names and alike < STRANGERS else 1.0
    doubt = 1.0
    for kind, values, weight in (
        (ReasonKind.TAX_ID, _same(map(_bare, one.numbers), map(_bare, other.numbers)), NUMBER),
        (ReasonKind.EMAIL, sorted(one.emails & other.emails), EMAIL * shared),
        (ReasonKind.PHONE, _same_phones(one.phones, other.phones), PHONE * shared),
    ):
        for value in values:
            found.reasons.append(Reason(kind, value, round(weight, 2)))
            doubt *= 1 - weight
    if alike >= ALIKE_FROM:
        weight = how.sure * (alike - 0.6) / 0.4
        found.reasons.append(Reason(ReasonKind.NAME, named, round(weight, 2)))
        doubt *= 1 - weight
    elif shared < 1 and found.reasons:
        found.reasons.append(Reason(ReasonKind.OTHER_NAME, named, -0.5))
    found.value = 1 - doubt
    if one.numbers and other.numbers and not any(r.kind is ReasonKind.TAX_ID for r in found.reasons):
        found.reasons.append(Reason(ReasonKind.OTHER_TAX_ID, other.numbers[0], OTHER_NUMBER - 1))
        found.value *= OTHER_NUMBER
    found.value = round(found.value, 4)
    return found


def _alike(ours: Sequence[str], theirs: Sequence[str]) -> tuple[float, str]:
    """The best likeness of any two of their names, and the other's name."""
    return max(((likeness(a, b), b) for a in ours for b in theirs), default=(0.0, ""))


def _bare(number: str) -> str:
    return plain(number).replace(" ", "")


def _same(ours: Iterable[str], theirs: Iterable[str]) -> list[str]:
    return sorted({*ours} & {*theirs} - {""})


def _same_phones(ours: Iterable[str], theirs: Iterable[str]) -> list[str]:
    """Numbers that are equal, or of which one is the other without its country's code."""
    return sorted({b for a in ours for b in theirs if a == b or _same_nationally(a, b)})


def _same_nationally(one: str, other: str) -> bool:
    if one.startswith("+") == other.startswith("+"):
        return False
    full, national = (one, other) if one.startswith("+") else (other, one)
    bare = national.lstrip("0")
    return len(bare) >= 7 and full.endswith(bare) and len(full) - 1 - len(bare) <= 3
