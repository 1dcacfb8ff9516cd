"""Commands of plugins: their options come from what the function takes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from crmcore.cli import app
from crmcore.plugins import Command, Manifest, Plugins, hookimpl
from crmcore.plugins.discovery import Candidate

ABACUS = """
from __future__ import annotations
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING
from crmcore.errors import Invalid
from crmcore.plugins import Command, Manifest, hookimpl
if TYPE_CHECKING:
    from crmcore.plugins import Crm

class Size(Enum):
    BIG = "big"
    SMALL = "small"

async def count(crm: Crm, number: int, words: list[str] | None = None, since: date | None = None,
                share: Decimal = Decimal("0.5"), size: Size = Size.BIG, dry_run: bool = False):
    made = await crm.gql('mutation { customerCreate(input: {name: "Counted"}) { errors { message } } }')
    return [number, words, str(since), str(share), size.value, dry_run, made["customerCreate"]["errors"]]

async def fails(crm: Crm, how: str = "hard"):
    if how == "softly":
        raise Invalid("Not like that.")
    raise RuntimeError("broken")

class Plugin:
    meta = Manifest(id="abacus", title="Abacus", description="Counts.", api=">=0.1,<1", version="1.0")

    @hookimpl
    def crm_commands(self):
        return [Command("count", count, "Counts things."), Command("fails", fails)]
"""


@pytest.fixture
def crmcore(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Result]]:
    (tmp_path / "abacus").mkdir()
    (tmp_path / "abacus" / "__init__.py").write_text(ABACUS)
    environment = {
        "CRMCORE_PLUGIN_PATHS": json.dumps([str(tmp_path)]), "CRMCORE_PLUGINS_ALLOW": '["abacus"]', "COLUMNS": "160",
        "CRMCORE_CONFIG": None, "CRMCORE_SECRET": None, "CRMCORE_PLUGINS_ENABLED": None,
    }  # fmt: skip

    def call(*words: Any) -> Result:
        return CliRunner().invoke(app, ["--database", database_url, *map(str, words)], env=environment)

    return call  # type: ignore[return-value]


def test_a_command_is_called_with_its_options(crmcore: Callable[..., Result]):
    done = crmcore("abacus", "count", "--number", 3, "--words", "a", "--words", "b", "--since", "2026-01-02", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == [3, ["a", "b"], "2026-01-02", "0.5", "big", False, []]
    more = crmcore("abacus", "count", "--number", 1, "--share", "1.25", "--size", "small", "--dry-run")
    assert json.loads(more.stdout)[3:6] == ["1.25", "small", True]
    assert "Counts things." in crmcore("abacus", "--help").stdout
    assert "Abacus" in crmcore("--help").stdout
    for words, code, said in (
        (("count",), 2, "--number"),
        (("count", "--number", "1", "--since", "soon"), 2, "--since"),
        (("fails", "--how", "softly"), 1, "error: Not like that."),
        (("fails",), 1, "error: The plugin abacus failed: RuntimeError: broken"),
        (("nothing",), 2, "No such command"),
    ):
        failed = crmcore("abacus", *words)
        assert failed.exit_code == code, words
        assert said in failed.stderr


def test_a_command_that_cannot_be_read_keeps_the_plugin_out():
    async def wrong(crm: Any, what: dict[str, int], json: bool = False) -> None: ...
    async def taken(crm: Any, *, json: bool = False) -> None: ...
    async def alone() -> None: ...

    class Bad:
        meta = Manifest(id="bad", title="Bad", description="Bad.", api=">=0.1,<1", version="1.0")

        @hookimpl
        def crm_commands(self) -> list[Any]:
            return [
                Command("Wrong!", wrong),
                Command("taken", taken),
                Command("alone", alone),
                Command("taken", alone),
                5,
            ]

    [listed] = Plugins([Candidate("bad", "test", lambda: Bad)]).listing()
    said = " ".join(listed.problems)
    for part in ("'Wrong!'", "what has no type", "--json is every", "first parameter of run is crm", "taken is there twice",
                 "5 is no Command"):  # fmt: skip
        assert part in said
