"""A plugin that exists only here: root fields that answer well, wrongly, and not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from crmcore.domain.customers import Customer as CustomerModel
from crmcore.errors import Invalid
from crmcore.plugins import Context, Create, Manifest, Plugins, Row, hookimpl, write
from crmcore.plugins.discovery import Candidate
from crmcore.schema import (
    AnyRecord,
    FreeData,
    Money,
    Ref,
    action,
    arg,
    batch,
    condition,
    expression,
    extend,
    field,
    input_object,
    mutation,
    output,
    query,
    subscription,
)

if TYPE_CHECKING:
    from crmcore.schema import Customer

calls: list[dict[str, Any]] = []


class OracleMood(StrEnum):
    """How it feels."""

    GOOD = "GOOD"
    BAD = "BAD"


@output
class OracleLine:
    """A line of an answer."""

    text: str = field("What it says.")
    customer: Customer | None = field("Whom it is about.")
    friends: list[Customer] = field("Who else.")


@output
class OracleAnswer:
    """What it answers."""

    title: str = field("The title.")
    mood: OracleMood | None = field("How it feels.")
    price: Money | None = field("What it costs.")
    weight: Decimal | None = field("How heavy it is.")
    said_on: date | None = field("The day.")
    said_at: datetime | None = field("The time.")
    extra: FreeData | None = field("Whatever.")
    lines: list[OracleLine] = field("The lines.")
    customers: list[Customer] = field("All of them.")
    about: AnyRecord | None = field("Any record.")
    several: list[AnyRecord] = field("Any records.")


@dataclass
class Line:
    text: Any
    customer: Any = None
    friends: Any = ()


@input_object
class OracleHint:
    """A hint."""

    word: str = arg("The word.")
    customer: Customer | None = arg("Whom it concerns.")
    weight: Decimal | None = arg("How much it counts.")


async def ask(ctx: Context, question: str, **given: Any) -> Mapping[str, Any]:
    calls.append({"question": question, **given})
    ids = given.get("customer_ids", [])
    return {
        "title": question.upper(),
        "mood": "GOOD",
        "price": (Decimal("9.50"), "EUR"),
        "weight": 3,
        "said_on": date(2026, 11, 23),
        "said_at": datetime(2026, 11, 23, 8, tzinfo=UTC),
        "extra": {"deep": [1, None]},
        "lines": [Line(f"line {number}", key, [key, uuid4(), ids[0]]) for number, key in enumerate(ids)],
        "several": [Ref("Customer", key) for key in ids] + [Ref("Deal", uuid4())],
        "customers": ids,
        "about": Ref("Customer", ids[0]) if ids else None,
    }


@query(ask, returns=OracleAnswer)
class OracleAsk:
    """Ask it something."""

    question: str = arg("What to ask.")
    customer: list[Customer] | None = arg("Whom it is about.")
    hints: list[OracleHint] | None = arg("Hints.")
    mood: OracleMood | None = arg("How it should feel.")
    price: Money | None = arg("What it may cost.")


@extend("Customer")
class CustomerOracleSql:
    """SQL that no database understands: what it costs is told by its name."""

    oracle_sql: str | None = expression("no_such_function({name})", "Nothing of use.")
    oracle_where: str = condition("{name} = {value} AND nonsense", "Nothing of use.")


async def chosen(ctx: Context, customer_id: UUID | None = None, name: str = "") -> UUID | None:
    return customer_id


@query(chosen, returns="Customer | None")
class OracleChosen:
    """The customer that it chooses."""

    customer: Customer | None = arg("Whom.")


async def every(ctx: Context, customer_ids: Sequence[UUID]) -> Sequence[UUID]:
    return [*customer_ids, uuid4()]


@query(every, returns="list[Customer]")
class OracleEvery:
    """Customers, and one that nobody knows."""

    customer: list[Customer] = arg("Which.")


async def wrong(ctx: Context, how: str) -> Any:
    """Answers of which some or all do not fit."""
    answer: dict[str, Any] = {"title": "Fits", "lines": [], "customers": [], "several": []}
    return {
        "none": None,
        "text": "a text",
        "bare": 7,
        "title": {**answer, "title": None},
        "weight": {**answer, "weight": "heavy"},
        "mood": {**answer, "mood": "ANGRY"},
        "price": {**answer, "price": 3},
        "naive": {**answer, "said_at": datetime(2026, 1, 1)},
        "extra": {**answer, "extra": {"deep": object()}},
        "lines": {**answer, "lines": 3},
        "line": {**answer, "lines": [Line("good"), Line(5), 9]},
        "surrogate": {**answer, "title": "\ud800"},
        "id": {**answer, "customers": ["no id"]},
        "other": {**answer, "about": Ref("Nothing", uuid4())},
        "kind": {**answer, "lines": [Line("good", f"deal_{uuid4()}")]},
    }[how]


@query(wrong, returns=OracleAnswer)
class OracleWrong:
    """Answer wrongly."""

    how: str = arg("In which way.")


async def broken(ctx: Context) -> int:
    raise RuntimeError("the secret of the house")


@query(broken, returns=int)
class OracleBroken:
    """Break."""


async def found(ctx: Context, name: str, fail: bool = False) -> UUID:
    if not name:
        raise Invalid("Say a name.", "name")
    [written] = await write(ctx, [Create(CustomerModel, {"name": name})])
    if fail:
        raise RuntimeError("the secret of the house")
    return written.id


@mutation(found, returns="Customer")
class OracleFound:
    """Make a customer."""

    name: str = arg("Its name.")
    fail: bool | None = arg("Whether to break.")


@mutation(broken, returns=int)
class OracleRuin:
    """Break."""


async def count(ctx: Context) -> int:
    return 42


@mutation(count, returns=int)
class OracleCount:
    """Count."""


async def odd(rows: Sequence[Row], ctx: Context) -> Any:
    """Answers that fit for some rows, or for none."""
    return [
        {"Decimal": "heavy", "Surrogate": "\ud800", "Object": object(), "Right": "1.5"}[row["name"]] for row in rows
    ]


async def crooked(rows: Sequence[Row], ctx: Context) -> Any:
    """No list at all, or one that is too short."""
    return "12" if len(rows) == 2 else [1]


async def chosen_again(ctx: Context, id: UUID, **_: Any) -> UUID:
    return id


@extend("Customer")
class CustomerOracle:
    """What customers show of it."""

    oracle_weight: Decimal | None = batch(odd, "Odd numbers.", needs=("name",))
    oracle_text: str | None = batch(odd, "Odd texts.", needs=("name",))
    oracle_free: FreeData | None = batch(odd, "Odd data.", needs=("name",))
    oracle_crooked: int | None = batch(crooked, "Nothing of use.")


async def all_of(ctx: Context) -> list[str]:
    return ["one", "two"]


@mutation(all_of, returns=list[str])
class OracleList:
    """Several at once."""


@action(CustomerModel, chosen_again)
class OracleBless:
    """Something for a record of the core."""


words: asyncio.Queue[Any] = asyncio.Queue()
closed: list[str] = []


async def spoken(ctx: Context, customer_id: UUID | None = None) -> AsyncIterator[Any]:
    """What is put into `words`; None ends it, an exception is raised."""
    try:
        while (word := await words.get()) is not None:
            if isinstance(word, Exception):
                raise word
            yield Line(word, customer_id)
    finally:
        closed.append("spoken")


@subscription(spoken, returns=OracleLine)
class OracleSpoken:
    """What it says of its own accord."""

    customer: Customer | None = arg("Whom it is about.")


async def poured(ctx: Context) -> AsyncIterator[Any]:
    """Without an end."""
    try:
        while True:
            yield "x" * 100_000
    finally:
        closed.append("poured")


@subscription(poured, returns=str)
class OraclePoured:
    """More than anybody can read."""


class Plugin:
    meta = Manifest(id="oracle", title="Oracle", description="For tests.", version="1.0", api=">=0.1,<1")

    @hookimpl
    def crm_graph(self) -> Sequence[type]:
        return [
            OracleLine, OracleAnswer, OracleHint, OracleAsk, OracleChosen, OracleEvery, OracleWrong, OracleBroken,
            OracleFound, OracleRuin, OracleCount, OracleSpoken, OraclePoured, CustomerOracle, CustomerOracleSql,
            OracleList, OracleBless,
        ]  # fmt: skip


def oracle() -> Plugins:
    return Plugins([Candidate("oracle", "tests", lambda: Plugin)])
