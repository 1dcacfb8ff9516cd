"""Three-way comparison: what each side changed since both last agreed, and whose value counts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from crmcore_erp.settings import ErpOwner

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Base:
    """What both sides were when they last agreed, as each has it; None where they have not met."""

    ours: Values | None = None
    theirs: Values | None = None


@dataclass(slots=True)
class Merged:
    """What is to be written on either side, by field, and where somebody has to decide."""

    push: dict[str, Any] = field(default_factory=dict)
    pull: dict[str, Any] = field(default_factory=dict)
    conflicts: list[dict[str, Any]] = field(default_factory=list)


def merge(owners: Mapping[str, ErpOwner], base: Base, ours: Values, theirs: Values) -> Merged:
    """Field by field. The owner's value counts, however the other side changed; where both own a field the side that
    changed it counts, and if both did, and not to the same, it is a conflict. On the first meeting ours counts."""
    merged = Merged()
    for name, owner in owners.items():
        met = base.ours is not None and base.theirs is not None
        we = not met or ours.get(name) != (base.ours or {}).get(name)
        they = not met or theirs.get(name) != (base.theirs or {}).get(name)
        if not (we or they) or ours.get(name) == theirs.get(name):
            continue
        if owner == ErpOwner.ERP or (owner == ErpOwner.BOTH and they and not we):
            merged.pull[name] = theirs.get(name)
        elif owner == ErpOwner.BOTH and we and they and met:
            was = (base.ours or {}).get(name)
            merged.conflicts.append({"field": name, "base": was, "ours": ours.get(name), "theirs": theirs.get(name)})
        else:
            merged.push[name] = ours.get(name)
    return merged


def agreed(base: Base, ours: Values, theirs: Values, undecided: Collection[str]) -> Base:
    """What both sides have agreed on now: of what is undecided, what they had before."""

    def told(now: Values, before: Values | None) -> dict[str, Any]:
        return {**now, **{name: (before or {}).get(name) for name in undecided}}

    return Base(told(ours, base.ours), told(theirs, base.theirs))


def digest(base: Base) -> str:
    """Says whether anything changed, without looking at each value."""
    text = json.dumps([base.ours, base.theirs], sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
