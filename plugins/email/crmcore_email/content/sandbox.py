"""Jinja for texts that users write: what a mail needs of the language, and a bound on everything it can cost.

Nothing can be called, set or imported; what remains are values, `if`, `for`, comparisons, arithmetic on numbers and a
few filters. So a template costs what its loops cost, and these are counted: there is no text that runs for long.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Final

import nh3
from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from crmcore_email.content.faults import TemplateFault

LONGEST: Final = 512_000
"""Characters of a rendered part: more is cut off by the large providers anyway."""
MOST_TURNS: Final = 20_000
"""Turns of all loops of one rendering together."""
SECONDS: Final = 2.0

_ALLOWED: Final = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem,
    nodes.For, nodes.If, nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or,
    nodes.Not, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos,
    nodes.List, nodes.Tuple,
)  # fmt: skip
_WORDS: Final[dict[type, str]] = {
    nodes.Call: "calls", nodes.Assign: "set", nodes.AssignBlock: "set", nodes.Macro: "macros", nodes.Include: "include",
    nodes.Import: "import", nodes.FromImport: "import", nodes.Extends: "extends", nodes.Block: "blocks",
    nodes.Concat: "~ (write the values beside each other)", nodes.Pow: "**", nodes.With: "with",
    nodes.FilterBlock: "filter blocks", nodes.Slice: "slices", nodes.Dict: "dictionaries",
}  # fmt: skip


class _Budget:
    """What one rendering may still cost."""

    __slots__ = ("deadline", "turns")

    def __init__(self) -> None:
        self.turns = MOST_TURNS
        self.deadline = time.monotonic() + SECONDS

    def spend(self) -> None:
        self.turns -= 1
        if self.turns < 0:
            raise SecurityError(f"its loops turn more than {MOST_TURNS:,} times")
        if time.monotonic() > self.deadline:
            raise SecurityError(f"it takes more than {SECONDS:g} seconds")


_budget: Final[ContextVar[_Budget]] = ContextVar("_budget")


def _counted(values: Iterable[Any]) -> Iterator[Any]:
    budget = _budget.get()
    for value in values:
        budget.spend()
        yield value


def _date(value: Any, form: str = "%Y-%m-%d") -> str:
    """A date or time of the graph in another form, as strftime writes it."""
    text = str(value)
    return datetime.fromisoformat(text).strftime(str(form)[:40])


def _join(values: Iterable[Any], between: str = ", ") -> str:
    return str(between)[:100].join(str(value)[:10_000] for value in _counted(values))[:LONGEST]


def _truncate(value: Any, length: int = 255) -> str:
    text = str(value)
    return text if len(text) <= length else text[: max(0, length - 1)].rstrip() + "…"


def _clean(value: Any) -> Markup:
    """Foreign HTML without what could do harm: the one way in which HTML of a record goes into a mail as HTML."""
    return Markup(nh3.clean(str(value)))  # noqa: S704  nh3 leaves nothing that runs


_FILTERS: Final = ("capitalize", "d", "default", "e", "escape", "first", "float", "int", "last", "length", "lower",
                   "round", "title", "trim", "upper")  # fmt: skip
_TESTS: Final = ("defined", "undefined", "none", "true", "false", "eq", "ne", "lt", "le", "gt", "ge", "in", "odd",
                 "even", "string", "number")  # fmt: skip


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of a part of a mail: HTML escapes what it is given, plain text does not."""

    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "%"))

    def __init__(self, *, html: bool) -> None:
        super().__init__(autoescape=html, undefined=StrictUndefined, finalize=_shown, trim_blocks=True, loader=None)
        self.globals.clear()
        self.filters = {name: self.filters[name] for name in _FILTERS}
        self.filters |= {
            "date": _date, "join": _join, "truncate": _truncate, "clean": _clean, "_counted": _counted,
        }  # fmt: skip
        self.tests = {name: self.tests[name] for name in _TESTS}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for node in tree.iter_child_nodes():
            _look(node)
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, "_counted", [], [], None, None, lineno=loop.lineno)
        return tree

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A member of the data, never a method of Python's."""
        if isinstance(obj, Mapping):
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return type(obj).__name__ == "LoopContext" and not callable(value) and not attr.startswith("_")

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if not all(isinstance(side, int | float) for side in (left, right)):
            raise SecurityError(f"{operator} is for numbers: write texts beside each other")
        return super().call_binop(context, operator, left, right)


def _look(node: nodes.Node) -> None:
    """Refuse what is not of the language."""
    if not isinstance(node, _ALLOWED):
        word = _WORDS.get(type(node), type(node).__name__.lower())
        raise TemplateSyntaxError(f"{word} cannot be used in a mail", getattr(node, "lineno", 1))
    if isinstance(node, nodes.For) and node.recursive:
        raise TemplateSyntaxError("a loop is not recursive", node.lineno)
    if isinstance(node, nodes.Filter) and node.name == "_counted":
        raise TemplateSyntaxError("no filter named '_counted'", node.lineno)
    for child in node.iter_child_nodes():
        _look(child)


def _shown(value: Any) -> Any:
    """Nothing is shown of null; data that are no single value are a mistake of the template's writer."""
    if value is None:
        return ""
    if isinstance(value, list | tuple | dict):
        raise SecurityError("a list or an object is not shown as it is: name a field of it")
    return value


def faulty(error: Exception, part: str) -> TemplateFault:
    """What went wrong in a part, for whoever wrote it."""
    line = getattr(error, "lineno", None)
    where = f"Line {line} of the {part}" if line else f"The {part}"
    said = getattr(error, "message", None) or str(error) or type(error).__name__
    return TemplateFault(f"{where}: {said}.", part)


def render(template: Any, data: Mapping[str, Any], part: str) -> str:
    """A part with its data. TemplateFault says what is wrong with it."""
    token = _budget.set(_Budget())
    size, found = 0, []
    try:
        for piece in template.generate(data):
            size += len(piece)
            if size > LONGEST:
                raise SecurityError(f"it is longer than {LONGEST:,} characters")
            found.append(piece)
    except (TemplateError, ValueError, TypeError, ArithmeticError, LookupError, RecursionError) as error:
        raise faulty(error, part) from error
    finally:
        _budget.reset(token)
    return "".join(found)
