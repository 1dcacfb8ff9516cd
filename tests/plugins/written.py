"""Plugins and projects that a page of the documentation holds, written to disk as the page says."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text()


def write_files(name: str, folder: Path) -> list[Path]:
    """The blocks of a page that begin with the name of a file."""
    written = []
    for path, text in re.findall(r"```python\n# (\S+\.py)\n(.*?)```", page(name), re.DOTALL):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
        written.append(folder / path)
    return written
