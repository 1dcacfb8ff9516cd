"""Tortoise as a declaration layer: the models of every app, linked up, with no connection opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tortoise.context import TortoiseContext
from tortoise.models import Model


@dataclass(frozen=True, slots=True)
class App:
    """One Tortoise app: the core or a plugin. `models` and `migrations` are module names."""

    label: str
    models: Sequence[str]
    migrations: str


def tortoise_config(apps: Sequence[App], connection: Any = "sqlite://:memory:") -> dict[str, Any]:
    """The configuration Tortoise wants, for metadata and for the migration runner."""
    return {
        "connections": {"default": connection},
        "apps": {
            app.label: {"models": list(app.models), "migrations": app.migrations, "default_connection": "default"}
            for app in apps
        },
    }


async def load_models(apps: Sequence[App]) -> Mapping[str, Mapping[str, type[Model]]]:
    """Every app's models by class name, their foreign keys resolved. May be called again with other apps."""
    context = TortoiseContext()
    async with context:
        await context.init(config=tortoise_config(apps), init_connections=False)
        assert context.apps is not None
        return {label: dict(models) for label, models in context.apps.items()}
