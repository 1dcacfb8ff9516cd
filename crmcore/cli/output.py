"""How commands print: tables and progress for people, JSON for scripts, one line for what went wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout, and nothing else there.")]

err = Console(stderr=True)


@contextmanager
def progress(title: str, quiet: bool) -> Iterator[tuple[Progress, Any]]:
    """A progress bar on stderr; none where nobody watches."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, disable=quiet or not err.is_terminal, transient=True) as bar:
        yield bar, bar.add_task(escape(title), total=None)


def table(title: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, markup: bool = False) -> None:
    table = Table(title=title or None, title_justify="left", title_style="bold")
    for place, head in enumerate(heads):
        numbers = bool(rows) and all(row[place].replace(",", "").isdigit() for row in rows)
        table.add_column(head, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(cell if markup else escape(cell) for cell in row))
    Console().print(table)


def print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


def fail(message: str, code: int = 1) -> NoReturn:
    err.print(f"[bold red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)
    raise typer.Exit(code)
