"""The quality scale: what a plugin is looked over for, on three levels (docs/plugin-quality.md is made from it)."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, Final, Literal

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from crmcore.app import Composition
from crmcore.plugins import Manifest, SecretStr

Level = Literal["bronze", "silver", "gold"]
LEVELS: Final[tuple[Level, ...]] = ("bronze", "silver", "gold")
DOORS: Final = ("crmcore.plugins", "crmcore.schema", "crmcore.errors")
_SECRET: Final = re.compile(r"secret|password|token|api_?key", re.IGNORECASE)


@dataclass(frozen=True)
class Looked:
    """A plugin that is looked over: where it is, what it says of itself, and what it adds to the graph."""

    folder: Path
    package: Path
    meta: Manifest
    hooks: frozenset[str]
    added: str
    undone: Sequence[str]

    @cached_property
    def project(self) -> dict[str, Any]:
        """Its pyproject.toml; empty for a bare folder."""
        try:
            return tomllib.loads((self.folder / "pyproject.toml").read_text())
        except (OSError, ValueError):
            return {}

    @cached_property
    def code(self) -> dict[Path, ast.Module]:
        """Its modules, without the migrations: those are written by crmcore."""
        files = [file for file in sorted(self.package.rglob("*.py")) if "migrations" not in file.parts]
        return {file: ast.parse(file.read_text()) for file in files}

    @cached_property
    def tests(self) -> str:
        """The text of all its tests."""
        return "\n".join(file.read_text() for file in sorted((self.folder / "tests").rglob("*.py")))

    def imports(self) -> Iterator[tuple[str, str]]:
        """Every module that is imported, and where."""
        for file, tree in self.code.items():
            for node in ast.walk(tree):
                place = f"{file.name}:{getattr(node, 'lineno', 0)}"
                if isinstance(node, ast.Import):
                    yield from ((alias.name, place) for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    yield node.module, place


Rule = Callable[[Looked], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One line of the checklist; `check` yields what is missing."""

    level: Level
    name: str
    asks: str
    check: Rule


CHECKLIST: list[Asked] = []


def asked(level: Level, name: str) -> Callable[[Rule], Rule]:
    """Put a check on the list: its docstring says what is asked."""

    def register(check: Rule) -> Rule:
        CHECKLIST.append(Asked(level, name, " ".join((check.__doc__ or "").split()), check))
        return check

    return register


@asked("bronze", "doors")
def doors(plugin: Looked) -> Iterator[str]:
    """Of crmcore it imports `crmcore.plugins`, `.schema`, `.errors` and the areas of `crmcore.domain`, nothing else."""
    for name, place in plugin.imports():
        face = name.startswith("crmcore.domain.") and name.count(".") == 2
        if name.partition(".")[0] == "crmcore" and name not in DOORS and not face:
            yield f"{place} imports {name}, which may change any day."


@asked("bronze", "range")
def api_range(plugin: Looked) -> Iterator[str]:
    """Its `api` has an upper bound, so that a later crmcore with another API does not load it."""
    if not any(part.operator in {"<", "<=", "==", "~="} for part in SpecifierSet(plugin.meta.api)):
        yield f"api={plugin.meta.api!r} has none: write it like >=0.1,<1."


@asked("bronze", "migrations")
def migrations(plugin: Looked) -> Iterator[str]:
    """Its migrations make what its models say, go back, and come again, on a database with the core's tables."""
    yield from plugin.undone


@asked("bronze", "tests")
def tests(plugin: Looked) -> Iterator[str]:
    """It has tests, and they call `assert_plugin_contract`."""
    if "assert_plugin_contract(" not in plugin.tests:
        yield "no test under tests/ calls assert_plugin_contract of crmcore.testing."


@asked("bronze", "readme")
def readme(plugin: Looked) -> Iterator[str]:
    """A README says what it is and how it is installed."""
    if not (plugin.folder / "README.md").is_file():
        yield "there is no README.md."


@asked("silver", "libraries")
def libraries(plugin: Looked) -> Iterator[str]:
    """Its pyproject.toml names the libraries that it imports, crmcore with a range."""
    said = [Requirement(text) for text in plugin.project.get("project", {}).get("dependencies", ())]
    declared = {canonicalize_name(one.name) for one in said}
    owners = packages_distributions()
    for name, place in plugin.imports():
        first = name.partition(".")[0]
        names = {canonicalize_name(owner) for owner in owners.get(first, [first])}
        if first not in sys.stdlib_module_names and first != plugin.package.name and not names & declared:
            yield f"{place} imports {first}, which no dependency names."
    if not any(canonicalize_name(one.name) == "crmcore" and one.specifier for one in said):
        yield "no dependency says which crmcore it needs: crmcore>=0.1,<1."


@asked("silver", "licence")
def licence(plugin: Looked) -> Iterator[str]:
    """Its pyproject.toml says under which licence it comes, and which Python it needs."""
    project = plugin.project.get("project", {})
    yield from (f"[project] has no {name}." for name in ("license", "requires-python") if name not in project)


@asked("silver", "changes")
def changes(plugin: Looked) -> Iterator[str]:
    """A CHANGELOG says what each version changed, the present one too."""
    file = plugin.folder / "CHANGELOG.md"
    if not file.is_file():
        yield "there is no CHANGELOG.md."
    elif plugin.meta.version and plugin.meta.version not in file.read_text():
        yield f"CHANGELOG.md does not mention {plugin.meta.version}."


@asked("silver", "settings")
def settings(plugin: Looked) -> Iterator[str]:
    """Every setting has a description for a form, and what looks like a secret is a `SecretStr`."""
    declared = plugin.meta.settings
    for name, field in ({} if declared is None else declared.model_fields).items():
        if not field.description:
            yield f"{name} has no description."
        if _SECRET.search(name) and SecretStr.__name__ not in str(field.annotation):
            yield f"{name} looks like a secret: make it a SecretStr, so that nobody reads it."


@asked("silver", "contribution")
def contribution(plugin: Looked) -> Iterator[str]:
    """What it adds to the graph is printed in contribution.graphql, as it is now: a change of its API is seen."""
    file = plugin.folder / "contribution.graphql"
    if not file.is_file() or file.read_text() != plugin.added:
        yield "contribution.graphql is not there or not up to date: crmcore plugin check PATH --print writes it."


@asked("gold", "statements")
def statements(plugin: Looked) -> Iterator[str]:
    """Where it adds fields to records, a test counts the statements of a page (`crm.sql_budget`)."""
    if re.search(r"^extend type (?!Query|Mutation|Subscription)", plugin.added, re.MULTILINE):
        yield from [] if "sql_budget(" in plugin.tests else ["no test uses crm.sql_budget."]


@asked("gold", "faults")
def faults(plugin: Looked) -> Iterator[str]:
    """Where it speaks to the world outside, tests play it (`crm.mock_outbound`) and `crm_health` says how it stands."""
    if plugin.meta.outbound_hosts:
        if "mock_outbound(" not in plugin.tests:
            yield "no test uses crm.mock_outbound."
        if "crm_health" not in plugin.hooks:
            yield "it has no crm_health."


@asked("gold", "hooks")
def hooks(plugin: Looked) -> Iterator[str]:
    """Where it hears events or has jobs, tests have them run (`run_events` or `emit`, `run_jobs`)."""
    if "crm_on_event" in plugin.hooks and not re.search(r"run_events\(|emit\(", plugin.tests):
        yield "no test tells it of an event."
    if "crm_jobs" in plugin.hooks and "run_jobs(" not in plugin.tests:
        yield "no test runs its jobs."


@asked("gold", "documented")
def documented(plugin: Looked) -> Iterator[str]:
    """The README names every setting."""
    file = plugin.folder / "README.md"
    text = file.read_text() if file.is_file() else ""
    names = [] if plugin.meta.settings is None else list(plugin.meta.settings.model_fields)
    yield from (f"README.md does not mention the setting {name}." for name in names if name not in text)


@asked("gold", "typed")
def typed(plugin: Looked) -> Iterator[str]:
    """It is typed, for those who import it: `py.typed`."""
    if not (plugin.package / "py.typed").is_file():
        yield f"{plugin.package.name}/py.typed is not there."


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one line of the checklist: `missing` is empty when it is done; `exempt` says why it need not."""

    asked: Asked
    missing: tuple[str, ...]
    exempt: str = ""

    @property
    def done(self) -> bool:
        return not self.missing or bool(self.exempt)


def look_over(plugin: Looked) -> tuple[Level | None, list[Line]]:
    """The level that a plugin has reached, None below bronze, and its checklist.

    A line that does not apply is exempt in pyproject.toml: `[tool.crmcore.exempt] name = "why"`.
    """
    exempt: dict[str, str] = plugin.project.get("tool", {}).get("crmcore", {}).get("exempt", {})
    lines = [Line(one, tuple(one.check(plugin)), exempt.get(one.name, "")) for one in CHECKLIST]
    reached: Level | None = None
    for level in LEVELS:
        if not all(line.done for line in lines if line.asked.level == level):
            break
        reached = level
    return reached, lines


def hooks_of(parts: Composition, id: str, known: Sequence[str]) -> frozenset[str]:
    """The hooks that a plugin of an app has."""
    return frozenset(hook for hook in known if any(meta.id == id for meta, _ in parts.plugins.implementations(hook)))
