"""A small SQL tree: text, nested text and bound values.

Text in a tree is written by us; a value that comes from a caller is always a `Bind`. Rendering is iterative, so depth
costs no Python stack, and gives numbered placeholders, so one value bound twice is sent once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Dialect = Literal["sqlite", "postgres"]


@dataclass(frozen=True, slots=True)
class Bind:
    """A value that is sent beside the statement.

    `get(run)` gives the driver's value when the statement runs (`run` is whatever the caller of `Statement.values`
    hands over). Binds with an equal `key` share one placeholder. `cast` is a PostgreSQL type for places where the
    server cannot infer one.
    """

    get: Callable[[Any], Any]
    cast: str = ""
    key: Hashable = None


class Sql:
    """A piece of SQL: strings, binds and other pieces, in order."""

    __slots__ = ("parts",)

    def __init__(self, *parts: Sql | Bind | str) -> None:
        self.parts = parts

    def __bool__(self) -> bool:
        return bool(self.parts)

    def __repr__(self) -> str:
        return f"Sql({render(self, 'postgres').text!r})"


Expression = Sql | str
"""SQL for a value: plain text, or a piece of a tree."""

EMPTY: Final = Sql()


def value(constant: Any, cast: str = "") -> Bind:
    """A constant, bound: `Sql("id = ", value(some_id))`."""
    return Bind(lambda _run: constant, cast)


def ident(name: str) -> str:
    """A quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def join(separator: str, pieces: Iterable[Sql | Bind | str]) -> Sql:
    """The pieces with `separator` between them."""
    parts: list[Sql | Bind | str] = []
    for piece in pieces:
        if parts:
            parts.append(separator)
        parts.append(piece)
    return Sql(*parts)


def all_of(conditions: Iterable[Sql | str]) -> Sql:
    """The conditions joined by AND; true when there are none."""
    found = [c for c in conditions if c]
    return Sql("(", join(" AND ", found), ")") if found else Sql("1 = 1")


def any_of(conditions: Iterable[Sql | str]) -> Sql:
    """The conditions joined by OR; false when there are none."""
    found = [c for c in conditions if c]
    return Sql("(", join(" OR ", found), ")") if found else Sql("1 = 0")


@dataclass(frozen=True, slots=True)
class Statement:
    """Rendered SQL and the values it wants, in placeholder order."""

    text: str
    binds: tuple[Bind, ...] = field(default=())

    def values(self, run: Any = None) -> list[Any]:
        """The driver's values for one run."""
        return [bind.get(run) for bind in self.binds]


def render(tree: Sql, dialect: Dialect) -> Statement:
    """The tree as text with `$1` (PostgreSQL) or `?1` (SQLite) placeholders."""
    mark = "$" if dialect == "postgres" else "?"
    out: list[str] = []
    binds: list[Bind] = []
    numbers: dict[Hashable, int] = {}
    stack: list[Iterator[Sql | Bind | str]] = [iter(tree.parts)]
    while stack:
        part: Sql | Bind | str | None = next(stack[-1], None)
        if part is None:
            stack.pop()
        elif isinstance(part, str):
            out.append(part)
        elif isinstance(part, Sql):
            stack.append(iter(part.parts))
        else:
            key = part.key if part.key is not None else id(part)
            number = numbers.get(key)
            if number is None:
                binds.append(part)
                number = numbers[key] = len(binds)
            out.append(f"{mark}{number}")
            if part.cast and dialect == "postgres":
                out.append(f"::{part.cast}")
    return Statement("".join(out), tuple(binds))
