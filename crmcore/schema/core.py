"""The core's own share of the graph: its records and its actions."""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final

from crmcore.query.declare import Declaration
from crmcore.schema import (
    activities,
    apps,
    audit,
    care,
    cases,
    catalogue,
    contacts,
    custom,
    customers,
    deals,
    duplicates,
    files,
    jobs,
    merges,
    people,
    plugin_events,
)
from crmcore.schema.webhooks import declared as webhooks

_AREAS: Final[tuple[ModuleType, ...]] = (
    people,
    catalogue,
    customers,
    contacts,
    deals,
    duplicates,
    cases,
    care,
    activities,
    custom,
    audit,
    files,
    jobs,
    merges,
    plugin_events,
    webhooks,
    apps,
)


def core_records() -> list[Declaration]:
    """The records that the core puts into the graph."""
    return [cls.__crm_record__ for cls in _own("__crm_record__")]


def core_actions() -> list[type]:
    """The core's mutations beside the generated ones."""
    return _own("__crm_action__")


def _own(mark: str) -> list[Any]:
    return [
        value
        for module in _AREAS
        for value in vars(module).values()
        if isinstance(value, type) and mark in value.__dict__ and value.__module__ == module.__name__
    ]
