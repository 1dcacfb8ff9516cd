"""A small app whose models change from test to test, with real files, as an installed plugin would have them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from crmcore.platform.metadata import App
from crmcore.platform.migrate import make_migration

HEAD = """
from typing import Any, ClassVar
from crmcore.platform.fields import *
from crmcore.platform.fields import Text, Int, Flag, Uuid
from crmcore.platform.tables import exactly_one
from crmcore.platform.record import Record, Rules, Unique, reference
"""


class ToyApp:
    """An app in a folder of its own. `models` writes its models anew; `make` its next migration."""

    def __init__(self, folder: Path, label: str) -> None:
        self.package = f"toy_{label}"
        self.folder = folder / self.package
        (self.folder / "migrations").mkdir(parents=True)
        (self.folder / "__init__.py").write_text("")
        (self.folder / "migrations" / "__init__.py").write_text("")
        self.app = App(label, (f"{self.package}.models",), f"{self.package}.migrations")
        sys.path.insert(0, str(folder))
        self.models("")

    def models(self, text: str) -> None:
        (self.folder / "models.py").write_text(HEAD + text)
        self.forget()

    async def make(self, others: Sequence[App] = (), name: str = "") -> str:
        """The name of the migration made."""
        made = await make_migration([*others, self.app], self.app.label, name)
        assert made is not None
        self.forget()
        return made.stem

    def migration(self, name: str, operations: str, after: str) -> None:
        """A migration written by hand."""
        (self.folder / "migrations" / f"{name}.py").write_text(
            "from tortoise import migrations\nfrom tortoise.migrations import operations as ops\n"
            f"class Migration(migrations.Migration):\n    dependencies = [({self.app.label!r}, {after!r})]\n"
            f"    operations = [{operations}]\n"
        )
        self.forget()

    def drop_migration(self, name: str) -> None:
        (self.folder / "migrations" / f"{name}.py").unlink()
        self.forget()

    def forget(self) -> None:
        """What was imported belongs to the old text."""
        for name in [n for n in sys.modules if n == self.package or n.startswith(f"{self.package}.")]:
            del sys.modules[name]
        for cache in self.folder.rglob("__pycache__"):
            for file in cache.iterdir():
                file.unlink()
        importlib.invalidate_caches()

    def close(self) -> None:
        self.forget()
        sys.path.remove(str(self.folder.parent))
