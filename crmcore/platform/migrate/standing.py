"""How far each app's tables are, one app at a time: what is wrong with one says nothing of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crmcore.platform.database import Database
from crmcore.platform.metadata import App
from crmcore.platform.migrate.graph import Key, NewerDatabase, load
from crmcore.platform.migrate.runner import applied_in


@dataclass(frozen=True, slots=True)
class Standing:
    """The migrations of an app that wait. `problem` says why they cannot be told; `newer` that the database was
    written by a newer version of the app."""

    waiting: tuple[Key, ...] = ()
    problem: str = ""
    newer: bool = False


async def standing(db: Database, first: App, apps: Sequence[App]) -> Mapping[str, Standing]:
    """How far each of the apps is, by label; they may lean on `first` and on those before them."""
    applied = await applied_in(db)
    kept, found = [first], dict[str, Standing]()
    for app in apps:
        try:
            graph = load([*kept, app])
            steps = graph.forward(graph.known(applied))
        except NewerDatabase as error:
            found[app.label] = Standing(problem=error.message, newer=True)
        except Exception as error:  # noqa: BLE001  a plugin's migrations may fail to import in any way
            found[app.label] = Standing(problem=" ".join(str(error).split()))
        else:
            kept.append(app)
            found[app.label] = Standing(tuple(step.key for step in steps if step.key.app == app.label))
    return found
