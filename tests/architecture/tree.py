"""The source tree as the checks of this folder see it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = ("crmcore", "plugins/*/crmcore_*")
TESTS = ("tests", "plugins/*/tests", "benchmarks")


@dataclass(frozen=True)
class Source:
    """One Python file: where it is in the repository, and what it says."""

    path: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @property
    def is_migration(self) -> bool:
        """Migrations are history: generated once, never edited, so shape rules do not apply to them."""
        return "/migrations/" in self.path and not self.path.endswith("__init__.py")


def sources(*folders: str, root: Path = ROOT) -> Iterator[Source]:
    """Every Python file in the folders (globs from the root)."""
    for folder in folders:
        for base in sorted(root.glob(folder)):
            for file in sorted(base.rglob("*.py")):
                if "node_modules" not in file.parts:
                    yield Source(file.relative_to(root).as_posix(), file.read_text())


def report(problems: list[str]) -> None:
    """Fail with all problems, one a line."""
    assert not problems, "\n" + "\n".join(problems)
