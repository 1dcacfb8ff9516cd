"""The commands of plugins: `crmcore <id> <name> --option ...`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a plugin: `crmcore <id> <name>`.

    name  lower-case letters, digits and dashes
    run   `async def run(crm: Crm, *, since: date | None = None, dry: bool = False)`: each parameter after `crm` is an
          option (`--since`, `--dry`), read by its annotation (str, int, float, bool, date as datetime, Path, UUID, an
          enum, or a list of one of these); one without a default must be given. What it answers is printed, as JSON
          with `--json`. It acts in the default tenant; `crm.of(...)` in others
    help  a sentence that says what it does
    """

    name: str
    run: Callable[..., Awaitable[Any]]
    help: str = ""

    def faults(self) -> Iterator[str]:
        """What is wrong with it by itself."""
        if not _NAME.fullmatch(self.name):
            yield f"command {self.name!r}: use lower-case letters, digits and dashes."
        if not inspect.iscoroutinefunction(self.run):
            yield f"command {self.name}: run is an async function."
            return
        first, *options = inspect.signature(self.run).parameters.values()
        if first.kind not in (first.POSITIONAL_ONLY, first.POSITIONAL_OR_KEYWORD):
            yield f"command {self.name}: the first parameter of run is crm."
        for option in options:
            if option.kind in (option.VAR_KEYWORD, option.VAR_POSITIONAL) or option.annotation is option.empty:
                yield f"command {self.name}: {option.name} has no annotation to read it by."
