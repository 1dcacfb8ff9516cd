"""All contestants answer alike, or nothing is measured: parsed JSON, compared for many values of the variables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks import operations
from benchmarks.company import Ids
from benchmarks.contestants import Contestant

OWN_TO_EACH = {
    "endCursor": "a cursor is opaque; that it is there, or null, is compared",
    "M1 id": "each contestant makes its own deal, at its own time",
    "M1 createdAt": "the same",
}


class Disagreement(AssertionError):
    """Two contestants gave different answers."""


def agree(contestants: Sequence[Contestant], ids: Ids, token: str, *, count: int, only: Sequence[str]) -> int:
    """Ask everybody the same; how many answers were compared. Raises Disagreement with the first difference."""
    compared = 0
    for operation in only:
        first, *others = [c for c in contestants if operation in c.kind.operations]
        for variables in operations.variables(operation, ids, count, seed=11):
            expected = _own_apart(operation, first.ask(operation, variables, token))
            for other in others:
                got = _own_apart(operation, other.ask(operation, variables, token))
                where = next(differences(expected, got), None)
                if where:
                    raise Disagreement(f"{operation} {variables}: {first.label} and {other.label} differ at {where}")
                compared += 1
    return compared


def _own_apart(operation: str, answer: Any) -> Any:
    """The answer with what is each contestant's own reduced to whether it is there."""
    if isinstance(answer, list):
        return [_own_apart(operation, item) for item in answer]
    if not isinstance(answer, dict):
        return answer
    reduced = {key: _own_apart(operation, item) for key, item in answer.items()}
    if reduced.get("endCursor"):
        reduced["endCursor"] = "present"
    if operation == "M1" and "createdAt" in reduced:
        reduced["id"] = reduced["createdAt"] = "present"
    return reduced


def differences(expected: Any, got: Any, path: str = "$") -> Iterator[str]:
    """Where two parsed answers differ, in words."""
    if isinstance(expected, dict) and isinstance(got, dict):
        if list(expected) != list(got):
            yield f"{path}: keys {list(expected)} and {list(got)}"
        for key in expected.keys() & got.keys():
            yield from differences(expected[key], got[key], f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(got, list):
        if len(expected) != len(got):
            yield f"{path}: {len(expected)} and {len(got)} items"
        for index, (left, right) in enumerate(zip(expected, got)):
            yield from differences(left, right, f"{path}[{index}]")
    elif expected != got or type(expected) is not type(got):
        yield f"{path}: {expected!r} and {got!r}"
