"""Files fit a sitting, functions a screen: the limits, and the functions that look for what exceeds them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.architecture.tree import Source

FILE_LINES = 400
FUNCTION_LINES = 60
COLUMNS = 120


def oversized_file(source: Source) -> Iterator[str]:
    """A word may become a package when it outgrows 300 lines; 400 is the end."""
    if len(source.lines) > FILE_LINES and not source.is_migration:
        yield (
            f"{source.path}: {len(source.lines)} lines, at most {FILE_LINES}. "
            "Split it by concept; a file that outgrows its name becomes a package of that name."
        )


def long_lines(source: Source) -> Iterator[str]:
    if source.is_migration:
        return
    for number, line in enumerate(source.lines, 1):
        if len(line) > COLUMNS:
            yield f"{source.path}:{number}: {len(line)} columns, at most {COLUMNS}."


def long_functions(source: Source) -> Iterator[str]:
    """The docstring does not count: a contract may be as long as it needs."""
    if source.is_migration:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            documented = ast.get_docstring(node) is not None and first.end_lineno is not None
            docstring = first.end_lineno - first.lineno + 1 if documented and first.end_lineno else 0
            length = (node.end_lineno or node.lineno) - node.lineno + 1 - docstring
            if length > FUNCTION_LINES:
                yield (
                    f"{source.path}:{node.lineno}: {node.name} has {length} lines, at most {FUNCTION_LINES}. "
                    "Name its steps."
                )
