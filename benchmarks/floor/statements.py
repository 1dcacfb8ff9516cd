"""The floor's statements, one file each: the limit first, tenant and deletion on every table.

In a file `:name` is a value and `/*policy c*/` the place of the row policy on the table with that alias;
`/*money d.amount*/` stands for what SQLite needs to show a decimal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

REACHES: Final = ("TENANT", "TEAM", "OWN")
_OWNER: Final = {"TENANT": "", "TEAM": "({0}.owner_id = :user OR {0}.team_id = :team)", "OWN": "{0}.owner_id = :user"}
_POLICY: Final = re.compile(r" /\*policy (\w)\*/")
_MONEY: Final = re.compile(r"/\*money (\w\.\w+)\*/")
_NAME: Final = re.compile(r"(?<!:):([a-z_]+)")
_PLACEHOLDER: Final = {"postgres": "$", "sqlite": "?"}


@dataclass(frozen=True, slots=True)
class Written:
    """A statement as the driver wants it, and the names of its values in order."""

    text: str
    names: tuple[str, ...]

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        return [given[name] for name in self.names]


def written(dialect: str, name: str, reach: str) -> Written:
    """The statement of that file for callers of that reach."""
    text = (Path(__file__).parent / dialect / f"{name}.sql").read_text()
    text = _POLICY.sub(lambda found: _guard(found[1], _OWNER[reach]), text)
    text = _MONEY.sub(r"printf('%s%d.%04d', iif(\1 < 0, '-', ''), abs(\1) / 10000, abs(\1) % 10000)", text)
    names = tuple(dict.fromkeys(_NAME.findall(text)))
    mark = _PLACEHOLDER[dialect]
    return Written(_NAME.sub(lambda found: f"{mark}{names.index(found[1]) + 1}", text), names)


def _guard(alias: str, owner: str) -> str:
    """Contacts, interactions and orders are seen with their customer, which is guarded; a touchpoint with its plan."""
    if not owner:
        return ""
    if alias != "t":
        return f" AND {owner.format(alias)}"
    return (
        " AND EXISTS (SELECT 1 FROM care_plan p WHERE p.id = t.care_plan_id AND p.tenant_id = :tenant"
        f" AND p.deleted_at IS NULL AND {owner.format('p')})"
    )
