"""The operations that are measured: their documents, and the values their variables take."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from benchmarks.company import LIFECYCLE, START, TODAY, Ids

READS: Final = ("Q1", "Q2", "Q3", "Q4")
WRITES: Final = ("M1",)
ALL: Final = (*READS, *WRITES)
ROOTS: Final = {"Q1": "customers", "Q2": "customers", "Q3": "customer", "Q4": "deals", "M1": "dealCreate"}
WHAT: Final = {
    "Q1": "20 customers, 8 scalars, count, page info",
    "Q2": "20 customers, 5 contacts and 5 deals each",
    "Q3": "one customer's 360 page",
    "Q4": "100 deals with the customer's name",
    "M1": "create a deal and return it",
    "page": "deals as in Q4",
    "depth by name": "20 of very many customers",
    "depth by time": "20 of very many customers",
    "table": "first 20 customers by name",
}

Variables = dict[str, Any]


def document(operation: str) -> str:
    """The GraphQL text."""
    return (Path(__file__).parent / "operations" / f"{operation}.graphql").read_text()


def variables(operation: str, ids: Ids, count: int, seed: int = 7) -> list[Variables]:
    """`count` different requests, the same ones for every contestant."""
    dice = random.Random(f"{operation} {seed}")
    return [_MADE[operation](dice, ids) for _ in range(count)]


def _q1(dice: random.Random, ids: Ids) -> Variables:
    return {"stage": dice.choice(LIFECYCLE), "employees": dice.randrange(1000)}


def _q2(dice: random.Random, ids: Ids) -> Variables:
    return {"stage": dice.choice(LIFECYCLE)}


def _q3(dice: random.Random, ids: Ids) -> Variables:
    return {
        "id": f"customer_{dice.choice(ids.customer)}",
        "today": (TODAY - timedelta(days=dice.randrange(200))).isoformat(),
    }


def _q4(dice: random.Random, ids: Ids) -> Variables:
    return {"from": (START.date() + timedelta(days=dice.randrange(450))).isoformat()}


def _m1(dice: random.Random, ids: Ids) -> Variables:
    stage = dice.choice([s for s in ids.stage if s[2] == "OPEN"])
    amount = f"{dice.randrange(10**6)}.{dice.randrange(10**4):04d}"
    return {
        "input": {
            "name": f"Benchmark {dice.randrange(10**6)}",
            "customerId": f"customer_{dice.choice(ids.customer)}",
            "pipelineId": f"pipeline_{stage[1]}",
            "stageId": f"stage_{stage[0]}",
            "amount": {"amount": amount, "currencyCode": "EUR"},
            "expectedCloseOn": (TODAY + timedelta(days=dice.randrange(100))).isoformat(),
        }
    }


_MADE: Final[dict[str, Callable[[random.Random, Ids], Variables]]] = {
    "Q1": _q1, "Q2": _q2, "Q3": _q3, "Q4": _q4, "M1": _m1,
}  # fmt: skip
