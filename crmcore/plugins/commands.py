"""The commands of plugins: `crmcore <id> <name> --option ...`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin
from uuid import UUID

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)
_KINDS: Final = (str, int, float, bool, datetime, date, Decimal, Path, UUID)
_TAKEN: Final = frozenset({"json", "help"})


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a command: `kind` is the type of its values, `many` says that it may be given several times."""

    name: str
    kind: type
    many: bool
    required: bool
    default: Any


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a plugin: `crmcore <id> <name>`.

    name  lower-case letters, digits and dashes
    run   `async def run(crm: Crm, since: date | None = None, dry: bool = False)`: each parameter after `crm` is an
          option (`--since`, `--dry`), read by its annotation: str, int, float, bool, date, datetime (with an offset),
          Decimal, Path, UUID, an enum (by its values), a list of one of these, or one of these or None; one without a
          default must be given. What it answers is printed, as JSON with `--json`. It acts as the plugin in the default
          tenant; `crm.of(...)` acts in others
    help  a sentence that says what it does
    """

    name: str
    run: Callable[..., Awaitable[Any]]
    help: str = ""

    def options(self) -> list[Option]:
        """Its options. TypeError for a parameter that cannot be read from the command line."""
        _, *parameters = inspect.signature(self.run).parameters.values()
        return [_option(self.run, parameter) for parameter in parameters]

    def faults(self) -> Iterator[str]:
        """What is wrong with it by itself."""
        if not _NAME.fullmatch(self.name):
            yield f"command {self.name!r}: use lower-case letters, digits and dashes."
        if not inspect.iscoroutinefunction(self.run):
            yield f"command {self.name}: run is an async function."
            return
        if not inspect.signature(self.run).parameters:
            yield f"command {self.name}: the first parameter of run is crm."
            return
        try:
            self.options()
        except (TypeError, NameError) as error:
            yield f"command {self.name}: {error}"


def _option(run: Callable[..., Any], parameter: inspect.Parameter) -> Option:
    name = parameter.name
    if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
        raise TypeError(f"{name} is no option: name each of them.")
    if name in _TAKEN:
        raise TypeError(f"--{name} is every command's own: call it something else.")
    found = parameter.annotation
    if isinstance(found, str):  # as written, in a module with postponed annotations
        found = eval(found, inspect.unwrap(run).__globals__)  # noqa: S307  the plugin's own text, in its own module
    if get_origin(found) in (Union, UnionType):
        [found, *others] = [one for one in get_args(found) if one is not NoneType]
        if others:
            raise TypeError(f"{name} has one type, or one or None.")
    many = get_origin(found) is list
    if many:
        [found] = get_args(found)
    if not isinstance(found, type) or not (found in _KINDS or issubclass(found, Enum)):
        raise TypeError(f"{name} has no type that can be read: {parameter.annotation!r}.")
    required = parameter.default is parameter.empty
    return Option(name, found, many, required, None if required else parameter.default)
