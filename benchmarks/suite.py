"""What is compared with what: groups of those who take turns."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from benchmarks import large, operations
from benchmarks.company import START
from benchmarks.contestants import Contestant
from benchmarks.measure import Asked
from benchmarks.stage import Stage

VARIANTS = 200
"""Different requests in a window; more of it asks the same again."""


def operation(name: str, contestants: Sequence[Contestant], stage: Stage, what: str = "") -> list[Asked]:
    """Contestants that answer the same operation; the first is what the others are measured by."""

    def bodies(contestant: Contestant) -> Callable[[int], list[str]]:
        def made(number: int) -> list[str]:
            asked = operations.variables(name, stage.ids, VARIANTS, seed=100 + number)
            return [contestant.kind.speech.body(name, variables) for variables in asked]

        return made

    return [
        Asked(
            what or name, c.kind.name, c, stage.token, c.kind.speech.path(name), bodies(c), c.kind.share, c.kind.loads
        )
        for c in contestants
        if name in c.kind.operations
    ]


def page(product: Contestant, stage: Stage) -> list[Asked]:
    """A page of 20 rows, and one of 500."""

    def of(first: int) -> Callable[[int], list[str]]:
        def made(number: int) -> list[str]:
            dice = random.Random(number)
            days = [START.date() + timedelta(days=dice.randrange(100)) for _ in range(VARIANTS)]
            return [_body("page", {"from": day.isoformat(), "first": first}) for day in days]

        return made

    small = Asked("page", "20 rows", product, stage.token, "/graphql", of(20))
    return [small, replace(small, name="500 rows", bodies=of(500), share=0.25)]


def depth(many: Contestant, stage: Stage, customers: int) -> Iterator[list[Asked]]:
    """The first page of very many customers, and one behind nine tenths of them, in two orders."""
    document = operations.document("customers")
    for named, order in (("name", "NAME"), ("time", "CREATED_AT")):
        cursor = large.cursor_at(many, document, order, customers // 10, stage.token)
        first = _customers(f"depth by {named}", "first page", many, stage, order)
        yield [first, replace(first, name="at 90 %", bodies=_always({"order": [{"field": order}], "after": cursor}))]


def table(few: Contestant, few_stage: Stage, many: Contestant, many_stage: Stage) -> list[Asked]:
    """The first page of few customers, and of very many."""
    return [
        _customers("table", "few customers", few, few_stage, "NAME"),
        _customers("table", "many customers", many, many_stage, "NAME"),
    ]


def _customers(what: str, name: str, contestant: Contestant, stage: Stage, order: str) -> Asked:
    return Asked(what, name, contestant, stage.token, "/graphql", _always({"order": [{"field": order}]}))


def _always(variables: dict[str, Any]) -> Callable[[int], list[str]]:
    return lambda number: [_body("customers", {"first": 20, **variables})]


def _body(document: str, variables: dict[str, Any]) -> str:
    return json.dumps({"query": operations.document(document), "variables": variables})
