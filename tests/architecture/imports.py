"""The import contracts of pyproject.toml, and what import-linter cannot say: faces, and the doors of plugins."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import grimp
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.tree import ROOT, Source

PLUGIN_DOORS = ("crmcore.plugins", "crmcore.schema", "crmcore.errors")
TEST_DOORS = (*PLUGIN_DOORS, "crmcore.testing")


def contracts() -> list[dict[str, Any]]:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found: list[dict[str, Any]] = config["tool"]["importlinter"]["contracts"]
    return found


def lint_imports(root: Path) -> tuple[bool, str]:
    """Whether the tree at `root` keeps the contracts of the pyproject.toml there, and import-linter's words."""
    run = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "COLUMNS": "160", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.returncode == 0, run.stdout + run.stderr


def graph(*packages: str, running: bool = False) -> grimp.ImportGraph:
    """Who imports whom; `running` leaves out what is only imported for the type checker."""
    return grimp.build_graph(*packages, exclude_type_checking_imports=running, cache_dir=None)  # type: ignore[arg-type]


def _direct_imports(of: grimp.ImportGraph) -> Iterator[tuple[str, str, int]]:
    for importer in sorted(of.modules):
        for imported in sorted(of.find_modules_directly_imported_by(importer)):
            [first, *_] = of.get_import_details(importer=importer, imported=imported)
            yield importer, imported, first["line_number"]


def round_the_face(of: grimp.ImportGraph) -> Iterator[str]:
    """Imports that enter an area of the domain by a side door."""
    for importer, imported, line in _direct_imports(of):
        parts = imported.split(".")
        if parts[:2] == ["crmcore", "domain"] and len(parts) > 3:
            area = ".".join(parts[:3])
            if importer != area and not importer.startswith(f"{area}."):
                yield f"{importer}:{line} imports {imported}: enter by the area's face, `from {area} import ...`"


def beside_the_kit(source: Source) -> Iterator[str]:
    """Imports of a plugin's tests that a partner's tests could not rely on: not the doors, the faces or the test kit."""
    for name, line in _imported(source):
        first = name.split(".")[0]
        is_face = name.startswith("crmcore.domain.") and name.count(".") == 2
        if first == "tests" or (first == "crmcore" and name not in TEST_DOORS and not is_face):
            doors = ", ".join(TEST_DOORS)
            yield f"{source.path}:{line} imports {name}: a plugin's tests have {doors} and the areas' faces"


def undeclared(source: Source, project: Path) -> Iterator[str]:
    """Libraries that a plugin imports and its own pyproject.toml does not name: another's would bring them, or nobody."""
    said = tomllib.loads((project / "pyproject.toml").read_text())["project"]["dependencies"]
    declared = {canonicalize_name(Requirement(text).name) for text in said}
    owners = packages_distributions()
    for name, line in _imported(source):
        first = name.split(".")[0]
        names = {canonicalize_name(owner) for owner in owners.get(first, [first])}
        if first not in sys.stdlib_module_names and not first.startswith("crmcore") and not names & declared:
            yield f"{source.path}:{line} imports {first}, which {project.name}/pyproject.toml does not name"


def _imported(source: Source) -> Iterator[tuple[str, int]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno


def round_the_door(of: grimp.ImportGraph, plugin: str) -> Iterator[str]:
    """Imports of a plugin that a partner's plugin could not rely on."""
    for importer, imported, line in _direct_imports(of):
        if importer.split(".")[0] != plugin or imported.split(".")[0] == plugin:
            continue
        is_face = imported.startswith("crmcore.domain.") and imported.count(".") == 2
        if imported.split(".")[0].startswith("crmcore") and imported not in PLUGIN_DOORS and not is_face:
            doors = ", ".join(PLUGIN_DOORS)
            yield f"{importer}:{line} imports {imported}: a plugin has {doors} and the areas' faces, nothing else"
