"""Where plugins come from: entry points of installed distributions, and folders. Nothing here imports one yet."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from crmcore.errors import ConfigError

GROUP: Final = "crmcore"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plugin that was found. `load` imports it and answers with its class; whatever that raises is the plugin's."""

    id: str
    source: str
    load: Callable[[], Any]
    version: str = ""


def installed() -> Iterator[Candidate]:
    """The entry points of group `crmcore`, by name."""
    for point in sorted(entry_points(group=GROUP), key=lambda found: (found.name, found.value)):
        yield _of(point)


def _of(point: EntryPoint) -> Candidate:
    if point.dist is None:
        return Candidate(point.name, point.value, point.load)
    return Candidate(point.name, f"{point.dist.name} {point.dist.version}", point.load, point.dist.version)


def in_folders(paths: Iterable[Path]) -> Iterator[Candidate]:
    """The packages in these folders: plugins that are not installed, each in a folder named like its id.

    ConfigError for a path that is no folder.
    """
    for path in paths:
        if not path.is_dir():
            raise ConfigError(f"plugin_paths names {path}, which is no folder: give folders that hold plugins.")
        for package in sorted(path.iterdir()):
            if (package / "__init__.py").is_file():
                yield Candidate(package.name, str(package), _Folder(package.resolve()).load)


@dataclass(frozen=True, slots=True)
class _Folder:
    path: Path

    @property
    def module_name(self) -> str:
        """Never the folder's bare name: a plugin called `email` must not take the place of the standard library's."""
        return f"crmcore_folder_{self.path.name}_{zlib.crc32(str(self.path).encode()):08x}"

    def load(self) -> Any:
        """Its class `Plugin`. A folder is imported once per process; its models are the process's, like all models."""
        module = sys.modules.get(self.module_name) or self._import()
        return module.Plugin

    def _import(self) -> ModuleType:
        name = self.module_name
        spec = importlib.util.spec_from_file_location(
            name, self.path / "__init__.py", submodule_search_locations=[str(self.path)]
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # before it runs: its relative imports and its migrations look for it there
        try:
            spec.loader.exec_module(module)
        except BaseException:
            for loaded in [m for m in sys.modules if m == name or m.startswith(f"{name}.")]:
                del sys.modules[loaded]
            raise
        return module
