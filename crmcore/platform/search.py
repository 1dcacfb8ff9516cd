"""What records are found by: one row of words for each record, written in the transaction that changes the record.

A row finds its record by the record's own words and by those of its parts: a customer by its phone numbers. Every word
begins with the code of its tenant and kind of record, so that a word which is frequent in another tenant, or among the
interactions, costs a search for a customer nothing. The code only leads to rows; whose they are says `tenant_id`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Any, ClassVar, Final
from uuid import UUID

import orjson
from tortoise.models import Model

from crmcore.kit.sql import Bind, Dialect, Sql, Statement, ident, render, value
from crmcore.kit.words import Query, Token, plain, words_of
from crmcore.platform.database import Transaction
from crmcore.platform.fields import BigInt, Json, Text, Uuid
from crmcore.platform.tables import UniqueIndex, WordsIndex

_OWN: Final = 500
_ROWS: Final = 2000


class SearchEntry(Model):
    """`own` is the record's text as `own_text` makes it, for ranking; `words` are its own words with their code;
    `parts` holds the words of each part under the part's id. The integer key is what SQLite's index knows a row by."""

    id = BigInt(primary_key=True)
    tenant_id = Uuid()
    record_type = Text(63)
    record_id = Uuid()
    own = Text(_OWN)
    words = Text(40_000)
    parts = Json(null=True)

    class Meta(Model.Meta):
        table = "search_entry"
        indexes: ClassVar[Any] = (
            UniqueIndex(fields=("tenant_id", "record_type", "record_id"), name="uq_search_entry_record"),
            ("tenant_id", "record_type", "own", "record_id"),
            WordsIndex(fields=("words", "parts"), name="ix_search_entry_words"),
        )


@lru_cache(4096)
def code_of(tenant_id: UUID, record_type: str) -> str:
    """What the words of a tenant's records of one kind begin with. Two with the same code would only be slower."""
    key = UUID(int=tenant_id.int)  # a driver's UUIDs are of a class of their own
    return blake2b(key.bytes + record_type.encode(), digest_size=4).hexdigest()


def own_text(texts: Sequence[str]) -> str:
    """The texts of a record as search ranks by them: each plain, after a tab and a space and before the next tab.

    So a record sorts before those that are called the same and something more, and every word follows a space.
    """
    return "".join(f"\t {words}" for text in texts if (words := plain(text)))[: _OWN - 1] + "\t"


@dataclass(slots=True)
class Entry:
    """What is to be said of one record: its own texts, None where they stay, and the texts of parts, None where one
    is gone."""

    tenant_id: UUID
    record_type: str
    record_id: UUID
    own: Sequence[str] | None = None
    parts: dict[UUID, Sequence[str] | None] = field(default_factory=dict)

    def row(self) -> list[Any]:
        """As the statement takes it."""
        code = code_of(self.tenant_id, self.record_type)
        own = "" if self.own is None else own_text(self.own)
        parts = {
            str(part): None if texts is None else _coded(code, words_of(texts)) for part, texts in self.parts.items()
        }
        words = _coded(code, words_of(self.own or ()))
        return [str(self.tenant_id), self.record_type, str(self.record_id), own, words, parts or None]


def _coded(code: str, words: Iterable[str]) -> str:
    return " ".join(f"{code}{word}" for word in words)


async def write_entries(tx: Transaction, entries: Iterable[Entry]) -> None:
    """Add what is to be said of these records, each of which is there once, to what the transaction sends next."""
    rows = sorted((entry.row() for entry in entries), key=lambda row: row[1:3])  # one order: no two commands embrace
    if rows:
        await tx.add("search_entry", _WRITE[tx.dialect], orjson.dumps(rows).decode())


def _write(dialect: Dialect) -> Statement:
    """Run with the rows as JSON. Whoever changes a part changes it in the row as it is then, so no one's is lost."""
    given = Bind(lambda rows: rows, "json")
    if dialect == "sqlite":
        places = ", ".join(f"value ->> {place}" for place in range(5))
        merged = "json_patch(coalesce(search_entry.parts, '{}'), excluded.parts)"
        source = Sql(f"{places}, nullif(value -> 5, 'null') FROM json_each(", given, ") WHERE true")
    else:
        places = "(v ->> 0)::uuid, v ->> 1, (v ->> 2)::uuid, v ->> 3, v ->> 4, nullif(v -> 5, 'null')"
        source = Sql(f"{places} FROM jsonb_array_elements(", Bind(given.get, "jsonb"), ") v")
        merged = "jsonb_strip_nulls(coalesce(search_entry.parts, '{}') || excluded.parts)"
    told = "excluded.own = ''"
    return render(
        Sql(
            "INSERT INTO search_entry (tenant_id, record_type, record_id, own, words, parts) SELECT ", source,
            " ON CONFLICT (tenant_id, record_type, record_id) DO UPDATE SET ",
            *(f"{c} = CASE WHEN {told} THEN search_entry.{c} ELSE excluded.{c} END, " for c in ("own", "words")),
            f"parts = CASE WHEN excluded.parts IS NULL THEN search_entry.parts ELSE {merged} END",
        ),
        dialect,
    )  # fmt: skip


_WRITE: Final[Mapping[Dialect, Statement]] = {"sqlite": _write("sqlite"), "postgres": _write("postgres")}


def matching(query: Query, code: str, dialect: Dialect) -> str:
    """The query in the index's own language. There is nothing to escape: no word has a quote in it."""
    if not query.terms:
        return "'-'" if dialect == "postgres" else '"-none"'  # no word of ours: nothing is found
    both, either = (" & ", " | ") if dialect == "postgres" else (" AND ", " OR ")

    def token(word: Token) -> str:
        if dialect == "postgres":
            return f"'{code}{word.text}'{':*' if word.begins else ''}"
        return f'"{code}{word.text}"{"*" if word.begins else ""}'

    def way(words: Iterable[Token]) -> str:
        return f"({both.join(map(token, words))})"

    return both.join(f"({either.join(map(way, term))})" for term in query.terms)


AnyOf = Iterable[Iterable[tuple[str, bool]]]
"""Any of these, each of which is words that must all be there: the text, and whether it is the beginning of one."""


def matching_any(ways: AnyOf, tenant_id: UUID, record_type: str, dialect: Dialect) -> str:
    """The same, for records that have all words of one of these ways."""
    terms = (tuple(tuple(Token(text, begins=begins) for text, begins in way) for way in ways),)
    return matching(Query(terms=terms), code_of(tenant_id, record_type), dialect)


def has_words(entry: str, words: Bind, dialect: Dialect) -> Sql:
    """The condition that an entry has the words, which are in the index's own language."""
    if dialect == "postgres":
        return Sql(WordsIndex.words(("words", "parts"), entry, dialect), " @@ ", words, "::tsquery")
    held = ident(WordsIndex.beside("search_entry"))
    return Sql(f"{entry}.id IN (SELECT rowid FROM {held} WHERE {held} MATCH ", words, ")")


async def fill_entries(
    tx: Transaction, table: str, search: Sequence[str], finds: Mapping[str, str] | None = None
) -> None:
    """For a migration: write the entries of all rows of a table, a few at a time. Deleted records have theirs too, for
    the day they are restored; deleted parts have none.

    `search` and `finds` as in the record's rules; `finds` with the table that each of its columns names.
    """
    keys = list(finds or ())
    columns = ["id", "tenant_id", *search, *keys]
    listed = ", ".join(map(ident, columns))
    rows_of = f"SELECT {listed} FROM {ident(table)} WHERE {'deleted_at IS NULL' if keys else 'true'}"
    last: Any = None
    while True:
        beyond = Sql() if last is None else Sql(" AND id > ", value(last, "uuid"))
        rows = await tx.fetch(Sql(rows_of, beyond, f" ORDER BY id LIMIT {_ROWS}"))
        if not rows:
            return
        last = rows[-1]["id"]
        found: dict[Any, Entry] = {}
        for row in rows:
            texts = [row[c] for c in search if row[c] is not None]
            tenant, own = UUID(str(row["tenant_id"])), UUID(str(row["id"]))
            if not keys:
                found[own] = Entry(tenant, table, own, texts)
            for key in keys:
                if row[key] is not None:
                    target, named = (finds or {})[key], UUID(str(row[key]))
                    entry = found.setdefault((target, named), Entry(tenant, target, named))
                    entry.parts[own] = texts
        await write_entries(tx, found.values())
