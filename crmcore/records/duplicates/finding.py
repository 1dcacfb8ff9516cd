"""Who may be the same as a record: found by indexes, then compared. Nobody is compared with everybody.

One statement finds the candidates, one reads them and one reads how they are reached, whatever the size of the tenant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final
from uuid import UUID

import orjson

from crmcore.kit.names import core_name, is_unspaced
from crmcore.kit.sql import Dialect, Sql, ident, join
from crmcore.kit.words import LONGEST, words_of
from crmcore.platform.context import Context
from crmcore.platform.database import Database, Transaction
from crmcore.platform.fields import Uuid
from crmcore.platform.record import Likeness, Record
from crmcore.platform.search import has_words, matching_any
from crmcore.records.duplicates.scoring import Profile, Reason, score
from crmcore.records.rows import TENANT, Run, among, given, ids_value, of_tenant, statement, visible
from crmcore.records.shape import shape_of

MOST: Final = 200
"""The most candidates that are compared for each way to find them."""

POINTS: Final = "contact_point"
_PREFIX: Final = 3
_UUID: Final = Uuid()


@dataclass(frozen=True, slots=True)
class Candidate:
    """Another record that may be the same."""

    id: UUID
    score: float
    reasons: tuple[Reason, ...]


async def find_duplicates(
    ctx: Context,
    model: type[Record],
    profile: Profile,
    *,
    but: Iterable[UUID] = (),
    least: float = 0.5,
    tx: Transaction | None = None,
) -> list[Candidate]:
    """The records that the caller sees and that may be the same as what the profile tells, the likeliest first."""
    how = likeness_of(model)
    source = tx or ctx.db
    keys = await _candidates(ctx, source, model, how, profile) - set(but)
    found = []
    for key, other in (await profiles(ctx, model, keys, tx=tx)).items():
        result = score(how, profile, other)
        if result.value >= least and result.value > 0:
            found.append(Candidate(key, result.value, tuple(result.reasons)))
    return sorted(found, key=lambda one: (-one.score, one.id))


def likeness_of(model: type[Record]) -> Likeness:
    """By what records of the kind are compared. TypeError for those that are not."""
    if model.special.likeness is None:
        raise TypeError(f"{model.__name__} declares no likeness")
    return model.special.likeness


async def profiles(
    ctx: Context, model: type[Record], keys: Iterable[UUID], *, tx: Transaction | None = None
) -> dict[UUID, Profile]:
    """What is compared of these records, as far as the caller sees them. Two statements."""
    wanted = set(keys)
    if not wanted:
        return {}
    how, source = likeness_of(model), tx or ctx.db
    columns = ("id", *how.names, *how.numbers)

    def make() -> Sql:
        listed = ", ".join(f"t.{ident(c)}" for c in columns)
        return Sql(
            f"SELECT {listed} FROM {ident(shape_of(model).table)} AS t WHERE ", visible(ctx, model), " AND ",
            among("t.id", "ids", ctx.db.dialect),
        )  # fmt: skip

    run = Run(ctx, {"ids": ids_value(wanted, ctx.db.dialect)})
    rows = await source.fetch(statement(ctx, ("profiles", model), make), run)
    reached = await _reached(ctx, source, how, wanted) if how.reached else {}
    found = {}
    for row in rows:
        key = UUID(str(row["id"]))
        emails, phones = reached.get(key, (frozenset(), frozenset()))
        found[key] = Profile(_filled(row, how.names), _filled(row, how.numbers), emails, phones)
    return found


def _filled(row: Any, columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(row[c] for c in columns if row[c])


async def _reached(
    ctx: Context, source: Database | Transaction, how: Likeness, keys: Iterable[UUID]
) -> dict[UUID, tuple[frozenset[str], frozenset[str]]]:
    """The email addresses and phone numbers of records."""

    def make() -> Sql:
        key = f"t.{ident(how.reached)}"
        return Sql(
            f"SELECT {key} AS key, t.type, t.normalized FROM {POINTS} AS t WHERE ", of_tenant(), " AND ",
            among(key, "ids", ctx.db.dialect),
        )  # fmt: skip

    run = Run(ctx, {"ids": ids_value(keys, ctx.db.dialect)})
    emails: defaultdict[UUID, set[str]] = defaultdict(set)
    phones: defaultdict[UUID, set[str]] = defaultdict(set)
    for row in await source.fetch(statement(ctx, ("reached", how.reached), make), run):
        if row["type"] == "EMAIL":
            emails[UUID(str(row["key"]))].add(row["normalized"])
        elif row["type"] in ("PHONE", "MOBILE"):
            phones[UUID(str(row["key"]))].add(row["normalized"])
    return {key: (frozenset(emails[key]), frozenset(phones[key])) for key in {*emails, *phones}}


async def _candidates(
    ctx: Context, source: Database | Transaction, model: type[Record], how: Likeness, profile: Profile
) -> set[UUID]:
    """The living records of the tenant that share something with the profile which an index knows."""
    table, dialect = shape_of(model).table, ctx.db.dialect
    ways = _ways(profile)
    values: dict[str, Any] = {
        "points": orjson.dumps(sorted(profile.emails | profile.phones)).decode(),
        "numbers": orjson.dumps(list(profile.numbers)).decode(),
    }
    for number, tokens in enumerate(ways):
        values[f"words {number}"] = matching_any(tokens, ctx.tenant_id, table, dialect)
    points, numbers = bool(how.reached and (profile.emails or profile.phones)), bool(profile.numbers and how.numbers)
    if not (ways or points or numbers):
        return set()

    def make() -> Sql:
        parts = [_by_words(table, number, dialect) for number in range(len(ways))]
        if points:
            parts.append(_by_points(how, dialect))
        if numbers:
            parts += [_by_number(table, column, dialect) for column in how.numbers]
        return join(" UNION ", parts)

    text = statement(ctx, ("candidates", model, len(ways), points, numbers), make)
    rows = await source.fetch(text, Run(ctx, values))
    return {UUID(str(row["id"])) for row in rows}


def _by_words(table: str, number: int, dialect: Dialect) -> Sql:
    way = "+" if dialect == "sqlite" else ""
    return Sql(
        f"SELECT * FROM (SELECT e.record_id AS id FROM search_entry AS e WHERE {way}e.tenant_id = ", TENANT,
        f" AND {way}e.record_type = '{table}' AND ", has_words("e", given(f"words {number}", "text"), dialect),
        f" LIMIT {MOST}) AS w{number}",
    )  # fmt: skip


def _by_points(how: Likeness, dialect: Dialect) -> Sql:
    key = f"t.{ident(how.reached)}"
    return Sql(
        f"SELECT * FROM (SELECT {key} AS id FROM {POINTS} AS t WHERE ", of_tenant(), f" AND {key} IS NOT NULL AND ",
        "t.normalized IN (", _texts("points", dialect), f") LIMIT {MOST}) AS p",
    )  # fmt: skip


def _by_number(table: str, column: str, dialect: Dialect) -> Sql:
    return Sql(
        f"SELECT t.id FROM {ident(table)} AS t WHERE ", of_tenant(), f" AND t.{ident(column)} IN (",
        _texts("numbers", dialect), ")",
    )  # fmt: skip


def _texts(name: str, dialect: Dialect) -> Sql:
    if dialect == "sqlite":
        return Sql("SELECT value FROM json_each(", given(name), ")")
    return Sql("SELECT json_array_elements_text(", given(name, "json"), ")")


Tokens = tuple[tuple[tuple[str, bool], ...], ...]
"""Any of these, each of which is words that must all be there: the text, and whether it is the beginning of one."""


def _ways(profile: Profile) -> list[Tokens]:
    """What to look for among the words that records are found by: two words of the name that begin alike, one of its
    two longest, and the last digits of a phone number."""
    found: list[Tokens] = []
    for name in dict.fromkeys(map(core_name, profile.names)):
        words = _words(name)
        pairs = tuple(tuple((w[:_PREFIX], True) for w in pair) for pair in combinations(words[:6], 2))
        if any(map(is_unspaced, words)):
            runs = [w for w in words_of([name]) if len(w) == 2] or words
            found.append(
                tuple(((a, False), (b, False)) for a, b in combinations(runs[:8], 2)) or (((runs[0], False),),)
            )
        elif pairs:
            longest = sorted(words, key=len)[-2:]
            found += [pairs, tuple(((word, False),) for word in longest)]
        elif words:
            found.append((((words[0][:_PREFIX], True),),))
    numbers = tuple(
        (((f"-{digits[::-1][:8]}", True)),) for phone in profile.phones if len(digits := _digits(phone)) >= 7
    )
    return found + ([numbers] if numbers else [])


def _digits(phone: str) -> str:
    return "".join(c for c in phone.partition(";")[0] if c.isdigit()).lstrip("0")


def _words(name: str) -> list[str]:
    return list(dict.fromkeys(word[:LONGEST] for word in name.split()))
