"""The command line as a test calls it: in this process, without plugins, its JSON read."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from crmcore.cli import app

MAPPINGS = Path(__file__).parent / "stories" / "mappings"


def crmcore(url: str, *arguments: Any) -> Result:
    """What became of a command on this database."""
    environment = {"CRMCORE_PLUGINS_ENABLED": "false", "CRMCORE_CONFIG": None, "CRMCORE_SECRET": None, "COLUMNS": "160"}
    words = ["--database", url, *map(str, arguments)]
    with ThreadPoolExecutor(1) as beside:  # a test may have an event loop of its own
        result = beside.submit(lambda: CliRunner().invoke(app, words, env=environment)).result()
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def asked(url: str, *arguments: Any) -> Any:
    """The JSON that a command prints; it must go well, and print nothing else on stdout."""
    result = crmcore(url, *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def importing(folder: Path, mappings: Path, names: Sequence[str]) -> Callable[[str], None]:
    """A way to fill a database with these files; the reports are left beside them as `<name>.<scheme>.json`."""

    def fill(url: str) -> None:
        for name in names:
            report = asked(url, "import", folder / f"{name}.csv", "--map", mappings / f"{name}.toml")
            report_of(folder, name, url).write_text(json.dumps(report))

    return fill


def report_of(folder: Path, name: str, url: str) -> Path:
    return folder / f"{name}.{url.partition(':')[0]}.json"
