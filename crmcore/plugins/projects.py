"""Plugins straight from their projects: what a distribution would install, taken from its source."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from crmcore.plugins.discovery import GROUP, Candidate, in_folders


def is_project(path: Path) -> bool:
    """Whether this folder is the project of a distribution with plugins."""
    return bool(_points(path))


def in_project(path: Path) -> Iterator[Candidate]:
    """The plugins that the project at `path` declares as entry points."""
    version = str(_pyproject(path).get("project", {}).get("version", "0"))
    for id, value in sorted(_points(path).items()):
        yield Candidate(id, str(path), _Source(path, EntryPoint(id, value, GROUP)).load, version)


def found_in(*paths: Path) -> Iterator[Candidate]:
    """The plugins at these paths, each the project of a distribution or a folder that holds plugins."""
    for path in paths:
        yield from in_project(path) if is_project(path) else in_folders([path])


def _points(path: Path) -> dict[str, str]:
    found: dict[str, str] = _pyproject(path).get("project", {}).get("entry-points", {}).get(GROUP, {})
    return found


def _pyproject(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads((path / "pyproject.toml").read_text())
    except (OSError, ValueError):
        return {}


@dataclass(frozen=True, slots=True)
class _Source:
    path: Path
    point: EntryPoint

    def load(self) -> Any:
        """Its class. The project's folder, or its `src`, goes to the end of the path for imports."""
        package = self.point.module.partition(".")[0]
        roots = [self.path, self.path / "src"]
        root = next((str(r.resolve()) for r in roots if (r / package).exists() or (r / f"{package}.py").exists()), None)
        if root is not None and root not in sys.path:
            sys.path.append(root)
        return self.point.load()
