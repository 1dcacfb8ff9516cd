"""The merge fields of a template: the GraphQL selection that it declares, and whether the template keeps to it.

    firstName customers(first: 1) { nodes { name importance } }

is what the template may use: `{{ contact.firstName }}`, `{% for c in contact.customers.nodes %}{{ c.name }}`. The
schema says whether there are such fields; whether the template's own words are among them is said here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jinja2 import nodes

from crmcore_email.content.faults import TemplateFault

Shape = Mapping[str, Any]
"""What is selected: by name, each field's own Shape, empty where it is a value."""

ANYTHING: Final[Shape] = {"*": {}}
"""Data of which nobody said what they are."""

_TOKEN: Final = re.compile(
    r'\s+|,|#[^\n]*|(?P<string>"(?:[^"\\\n]|\\.)*")|(?P<spread>\.\.\.)|(?P<name>[_A-Za-z][_0-9A-Za-z]*)'
    r"|(?P<mark>[{}()\[\]:@$!=|&])|(?P<number>-?[0-9][0-9.eE+-]*)",
    re.ASCII,
)


def _tokens(text: str) -> Iterator[str]:
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise TemplateFault(f"The selection cannot be read at {text[place : place + 20]!r}.", "selection")
        place = found.end()
        if found.lastgroup:
            yield found[0]
    yield ""


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self.next = ""
        self.step()

    def step(self) -> str:
        taken, self.next = self.next, next(self._tokens, "")
        return taken

    def fields(self, depth: int = 0) -> dict[str, Any]:
        """A selection set up to its end."""
        if depth > 12:
            raise TemplateFault("The selection is nested too deep.", "selection")
        found: dict[str, Any] = {}
        while self.next not in ("", "}"):
            name = self.step()
            if not name.isidentifier():
                raise TemplateFault(
                    f"The selection has {name!r} where a field belongs: write names, as in a query.", "selection"
                )
            if self.next == ":":
                self.step()
                self.step()
            if self.next == "(":
                self.arguments()
            inner: dict[str, Any] = {}
            if self.next == "{":
                self.step()
                inner = self.fields(depth + 1)
                if self.step() != "}":
                    raise TemplateFault("The selection has a { without its }.", "selection")
            found[name] = inner
        return found

    def arguments(self) -> None:
        """Up to the closing bracket; what they are, the schema checks."""
        depth = 0
        while self.next:
            if self.next == "$":
                raise TemplateFault("A selection has no variables: write the values into it.", "selection")
            depth += {"(": 1, ")": -1}.get(self.step(), 0)
            if not depth:
                return
        raise TemplateFault("The selection has a ( without its ).", "selection")


def shape_of(selection: str) -> Shape:
    """What a selection selects, by the names under which it is answered. TemplateFault where it is none: fragments,
    directives and variables are not for templates."""
    reader = _Reader(selection)
    found = reader.fields()
    if reader.next:
        raise TemplateFault(f"The selection ends with {reader.next!r}: there is no {{ for it.", "selection")
    if not found:
        raise TemplateFault("The selection names no field: begin with firstName.", "selection")
    return found


def check_names(tree: nodes.Template, known: Mapping[str, Shape], part: str) -> None:
    """TemplateFault if a template names what its data do not have; `known` are the data's names."""
    _check(tree, known, part)


def _check(node: nodes.Node, names: Mapping[str, Shape], part: str) -> None:
    if isinstance(node, nodes.For):
        _check(node.iter, names, part)
        shape = _shape(node.iter, names, part)
        inner = {**names, "loop": ANYTHING}
        for target in [node.target] if isinstance(node.target, nodes.Name) else node.target.find_all(nodes.Name):
            inner[target.name] = shape if shape is not None else ANYTHING
        for child in (*node.body, *([node.test] if node.test else ())):
            _check(child, inner, part)
        for child in node.else_:
            _check(child, names, part)
        return
    if isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem):
        _shape(node, names, part)
    for child in node.iter_child_nodes():
        if not isinstance(node, nodes.Getattr | nodes.Getitem) or not isinstance(child, nodes.Name | nodes.Getattr):
            _check(child, names, part)


def _shape(node: nodes.Node, names: Mapping[str, Shape], part: str) -> Shape | None:
    """What an expression is; None where it is no path of names."""
    if isinstance(node, nodes.Filter):
        return _shape(node.node, names, part) if node.node and node.name in ("first", "last", "_counted") else None
    if isinstance(node, nodes.Name):
        if node.name not in names:
            raise _unknown(node.name, "", names, node.lineno, part)
        return names[node.name]
    if isinstance(node, nodes.Getattr):
        owner = _shape(node.node, names, part)
        name: Any = node.attr
    elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        owner, name = _shape(node.node, names, part), node.arg.value
    else:
        return None
    if owner is None or "*" in owner:
        return owner
    if isinstance(name, int):
        return owner
    if name not in owner:
        raise _unknown(str(name), _written(node.node), owner, node.lineno, part)
    found: Shape = owner[str(name)]
    return found


def _written(node: nodes.Node) -> str:
    if isinstance(node, nodes.Getattr):
        return f"{_written(node.node)}.{node.attr}"
    return node.name if isinstance(node, nodes.Name) else "…"


def _unknown(name: str, of: str, known: Mapping[str, Any], line: int, part: str) -> TemplateFault:
    path = f"{of}.{name}" if of else name
    there = ", ".join(sorted(known)) or "nothing: it is a value"
    hint = " Add it to the selection." if of.startswith("contact") and known else ""
    return TemplateFault(f"Line {line} of the {part}: there is no {path}; there is {there}.{hint}", part)
