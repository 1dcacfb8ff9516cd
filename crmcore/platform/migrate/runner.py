"""Applying migrations: lock, backup, one transaction each, checks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tortoise.migrations.schema_generator.state import State

from crmcore.errors import ConfigError
from crmcore.kit import times
from crmcore.kit.sql import Sql, ident, value
from crmcore.platform.database import Database, Transaction, connect, dialect_of
from crmcore.platform.identity import DEFAULT_TENANT, Tenant, create_tenant
from crmcore.platform.metadata import App, load_models
from crmcore.platform.migrate.editors import editor_for
from crmcore.platform.migrate.graph import Graph, Key, Step, load, without_filters
from crmcore.platform.migrate.lock import locked
from crmcore.platform.migrate.verify import differences
from crmcore.platform.sqlite import SqliteDatabase, file_of

_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS migration (app VARCHAR(100) NOT NULL, name VARCHAR(200) NOT NULL, "
    "applied_at VARCHAR(40) NOT NULL, PRIMARY KEY (app, name))"
)


class MigrationFailed(ConfigError):
    """A migration could not be applied or taken back; the database is as it was before it."""


@dataclass(slots=True)
class Report:
    """What a run did. `differences` is empty when the schema is what the models say; `failures` says by app why its
    migrations could not be applied, which left the other apps alone."""

    applied: list[Key] = field(default_factory=list)
    reverted: list[Key] = field(default_factory=list)
    backup: Path | None = None
    differences: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)


async def pending(db: Database, apps: Sequence[App]) -> list[Key]:
    """The migrations that wait; a server does not start, and is not ready, while there are any."""
    graph = load(apps)
    return [step.key for step in graph.forward(graph.known(await applied_in(db)))]


async def migrate(
    url: str,
    apps: Sequence[App],
    *,
    to: tuple[str, str | None] | None = None,
    losing: bool = False,
    apart: bool = False,
    progress: Callable[[Step], None] | None = None,
) -> Report:
    """Bring a database to the newest schema, or one app to a migration: `to=("core", "0003_x")`, None for before all.

    `apps` is always all of them. Waits for other runs. A SQLite file that has tables is copied first, to
    `<file>.before-migration`. ConfigError if tables with rows would be dropped and `losing` does not allow it.
    MigrationFailed leaves everything up to the failed migration in place. With `apart`, what fails in another app than
    the first is a failure of that app, and of those that lean on it: the others are brought to the newest schema.
    """
    report = Report()
    async with locked(url), _opened(url) as db:
        async with db.transaction() as tx:
            await tx.execute(Sql(_TABLE))
        there = await applied_in(db)
        apps = _loadable(apps, there, report) if apart else apps
        graph = load(apps)
        applied = graph.known(there)
        plan = graph.forward(applied) if to is None else graph.towards(applied, *to)
        if not losing and (lost := await _lost(db, graph, plan, applied)):
            undone = ", ".join(str(step.key) for step in plan)
            raise ConfigError(
                f"Undoing {undone} drops tables that hold rows: {', '.join(lost)}. Say --yes to drop them."
            )
        if plan and applied and isinstance(db, SqliteDatabase):
            report.backup = await _back_up(db)
        await _carry_out(db, graph, plan, applied, report, progress, apps[0].label if apart else "")
        whole = [app for app in apps if app.label not in report.failures]
        if not [step for step in graph.forward(applied) if step.key.app not in report.failures]:
            models = await load_models(whole)
            report.differences = await differences(db, models)
            if any(Tenant in app.values() for app in models.values()):
                await _default_tenant(db)
    return report


def _loadable(apps: Sequence[App], applied: Sequence[Key], report: Report) -> list[App]:
    """The first app, and those whose migrations can be read with it; what is wrong with the others is reported."""
    kept = [apps[0]]
    for app in apps[1:]:
        try:
            load([*kept, app]).known(applied)
        except Exception as error:  # noqa: BLE001  a plugin's migrations may fail to import in any way
            report.failures[app.label] = " ".join(str(error).split())
        else:
            kept.append(app)
    return kept


async def _lost(db: Database, graph: Graph, plan: Sequence[Step], applied: set[Key]) -> list[str]:
    """The tables that hold rows and go when what the plan takes back is taken back."""
    undone = {step.key for step in plan if step.back}
    if not undone:
        return []
    before, after = [_tables(await graph.state(keys)) for keys in (applied, applied - undone)]
    found = []
    for table in sorted(before - after):
        if await has_table(db, table) and await db.fetch(Sql(f"SELECT 1 AS one FROM {ident(table)} LIMIT 1")):
            found.append(table)
    return found


def _tables(state: State) -> set[str]:
    return {str(model.table) for model in state.models.values()}


async def has_table(db: Database, table: str) -> bool:
    """Whether a database has this table."""
    asked = {
        "sqlite": "SELECT 1 AS one FROM sqlite_master WHERE type = 'table' AND name = ",
        "postgres": "SELECT 1 AS one FROM pg_tables WHERE schemaname = current_schema() AND tablename = ",
    }
    return bool(await db.fetch(Sql(asked[db.dialect], value(table))))


async def _carry_out(
    db: Database,
    graph: Graph,
    plan: list[Step],
    applied: set[Key],
    report: Report,
    progress: Callable[[Step], None] | None,
    first: str,
) -> None:
    """With `first` the failures of other apps are written down, and what does not lean on them goes on."""
    left: set[Key] = set()
    before = await graph.states_before({step.key for step in plan if step.back}, applied)
    state = await graph.state(applied) if len(before) < len(plan) else None
    for step in plan:
        if step.key in left:
            report.failures.setdefault(step.key.app, "It leans on what failed.")
            continue
        if progress is not None:
            progress(step)
        if step.back:
            state = before.pop(step.key)
        assert state is not None
        try:
            with without_filters():
                await _run(db, graph, step, state)
        except MigrationFailed as failed:
            if not first or step.key.app == first:
                raise
            report.failures[step.key.app] = failed.message
            left |= graph.leaning(step.key)
            state = await graph.state(applied)
            continue
        (applied.discard if step.back else applied.add)(step.key)
        (report.reverted if step.back else report.applied).append(step.key)


async def _run(db: Database, graph: Graph, step: Step, state: State) -> None:
    """One migration and its record, in one transaction; `state` is moved along when it goes forward."""
    migration = graph.migrations[step.key]
    try:
        async with db.transaction() as tx:
            if step.back:
                await migration.unapply(state, schema_editor=editor_for(tx))
            else:
                await migration.apply(state, schema_editor=editor_for(tx))
            await _whole(tx)
            await _write_down(tx, step)
    except ConfigError:
        raise
    except Exception as error:  # a migration may hold any code; whoever runs it must be told which one it was
        way = "taken back" if step.back else "applied"
        raise MigrationFailed(f"The migration {step.key} could not be {way}: {error}") from error


async def _whole(tx: Transaction) -> None:
    """SQLite does not look at foreign keys while tables are rebuilt, so look now."""
    if tx.dialect != "sqlite":
        return
    broken = await tx.fetch(Sql('SELECT DISTINCT "table", parent FROM pragma_foreign_key_check'))
    if broken:
        pairs = ", ".join(f"{row['table']} to {row['parent']}" for row in broken)
        raise MigrationFailed(f"Rows would name rows that are not there: from {pairs}.")


async def _write_down(tx: Transaction, step: Step) -> None:
    app, name = value(step.key.app), value(step.key.name)
    if step.back:
        await tx.execute(Sql("DELETE FROM migration WHERE app = ", app, " AND name = ", name))
        return
    now = value(times.to_text(times.now()))
    await tx.execute(Sql("INSERT INTO migration (app, name, applied_at) VALUES (", app, ", ", name, ", ", now, ")"))


async def leaning_on(db: Database, apps: Sequence[App], label: str) -> list[str]:
    """The other apps of which a migration that is applied leans on one of this app's."""
    graph, applied = load(apps), set(await applied_in(db))
    leaning = {lean.app for key in graph.of(label) for lean in graph.leaning(key) if lean in applied}
    return sorted(leaning - {label})


async def applied_in(db: Database) -> list[Key]:
    """The migrations that a database has, of whatever apps."""
    if not await has_table(db, "migration"):
        return []
    return [Key(row["app"], row["name"]) for row in await db.fetch(Sql("SELECT app, name FROM migration"))]


async def _default_tenant(db: Database) -> None:
    async with db.transaction() as tx:
        await create_tenant(tx, DEFAULT_TENANT, "Default")


async def _back_up(db: SqliteDatabase) -> Path:
    """A copy beside the database; the last one is kept."""
    copy = db.path.with_name(f"{db.path.name}.before-migration")
    part = copy.with_name(f"{copy.name}.part")
    part.unlink(missing_ok=True)
    await db.writer.write(lambda connection: connection.execute("VACUUM INTO ?", (str(part),)).close())
    return part.replace(copy)


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Database]:
    """Connections of the runner's own; on SQLite one that does not follow foreign keys, or a rebuild would cascade."""
    db: Database
    if dialect_of(url) == "sqlite":
        db = SqliteDatabase(url, file_of(url), readers=1, foreign_keys=False)
    else:
        db = await connect(url, connections=2, settings={"lock_timeout": "60s"})
    try:
        yield db
    finally:
        await db.close()
