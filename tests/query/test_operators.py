"""Operators on texts, lists, stamps and external ids; the table that they stand in; and what an adversary asks."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime
from time import perf_counter

import pytest

from crmcore.domain import activities, customers, deals, people
from crmcore.errors import BadInput
from crmcore.kit.sql import Sql, value
from crmcore.kit.text import fold
from crmcore.platform.access import Actor, ActorKind, Policy
from crmcore.platform.context import Context
from crmcore.query import ReadEngine, operators
from crmcore.query.dialects import DIALECTS
from crmcore.query.operators import OPERATORS, Operator
from crmcore.records.external import ExternalRef
from crmcore.schema.derive import derive
from crmcore.schema.printing import core_share, print_schema
from tests.query.conftest import number
from tests.query.graph import Graph, schema_of

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
async def known(seed):
    """Who made whom, and what others call them: a by a user, b by an import, both known to erp."""
    ada = await seed(people.User, name="Ada", email="a@example.org")
    stamp = {"created_by_kind": ActorKind.USER, "created_by_id": ada}
    made = [{"name": "a", **stamp}, {"name": "b", "created_by_kind": ActorKind.IMPORT}, {"name": "c"}]
    keys = await seed.many(customers.Customer, made)
    refs = [(keys[0], "erp", "1"), (keys[0], "shop", "x"), (keys[1], "erp", "2"), (ada, "erp", "3")]
    await seed.many(
        ExternalRef,
        [
            {
                "record_type": "user" if key == ada else "customer",
                "record_id": key,
                "system": system,
                "external_id": id_,
            }
            for key, system, id_ in refs
        ],
    )
    await seed(ExternalRef, record_type="customer", record_id=keys[2], system="erp", external_id="9", deleted_at=START)
    return f"user_{ada}"


KNOWN = [
    ({"createdBy": {"kind": {"eq": "USER"}}}, "a"),
    ({"createdBy": {"kind": {"in": ["USER", "IMPORT"]}}}, "ab"),
    ({"createdBy": {"id": {"eq": "ADA"}}}, "a"),
    ({"createdBy": {"id": {"eq": "ADA"}, "kind": {"eq": "IMPORT"}}}, ""),
    ({"createdBy": {"id": {"ne": "ADA"}}}, "bc"),
    ({"createdBy": {"id": {"isNull": True}}}, "bc"),
    ({"createdBy": {"id": {"in": ["api_key_0198f3a2-7c1e-7000-8000-000000000000", "ADA"]}}}, "a"),
    ({"externalRefs": {"some": {"system": {"eq": "erp"}}}}, "ab"),
    ({"externalRefs": {"some": {"system": {"eq": "shop"}, "externalId": {"in": ["x", "y"]}}}}, "a"),
    ({"externalRefs": {"some": {"system": {"eq": "shop"}, "externalId": {"eq": "1"}}}}, ""),
    ({"externalRefs": {"none": {"system": {"iEq": "ERP"}}}}, "c"),
    ({"externalRefs": {"every": {"system": {"eq": "erp"}}}}, "bc"),
    ({"externalRefs": {"count": {"gte": 2}}}, "a"),
    ({"externalRefs": {"count": {"eq": 1, "where": {"system": {"eq": "erp"}}}}}, "ab"),
]


@pytest.mark.parametrize("where, expected", KNOWN, ids=[str(c) for c, _ in KNOWN])
async def test_who_and_what_others_call_it(graph, ctx, known, where, expected):
    text = """query($w: CustomerFilter) { customers(where: $w) { nodes { name } } }"""
    where = json.loads(json.dumps(where).replace("ADA", known))
    found = (await graph.ask(ctx, text, {"w": where}))["customers"]
    assert "".join(node["name"] for node in found["nodes"]) == expected


@pytest.mark.parametrize("bad", ["", "x", "user_", "0198f3a2-7c1e-7000-8000-000000000000"])
async def test_an_actor_is_named_by_a_global_id(graph, ctx, bad):
    text = "query($i: ID) { customers(where: {createdBy: {id: {eq: $i}}}) { nodes { id } } }"
    with pytest.raises(BadInput) as refused:
        await graph.ask(ctx, text, {"i": bad})
    assert refused.value.path == ("where", "createdBy", "id", "eq")


async def test_lists_of_texts(graph, ctx, seed):
    pipeline = await seed(deals.Pipeline, name="P")
    rows = [["amount", "owner"], ["owner"], []]
    for position, fields in enumerate(rows):
        await seed(
            deals.Stage, name=str(position), pipeline_id=pipeline, position=position, required_fields=fields,
        )  # fmt: skip
    text = "query($w: StageFilter) { stages(where: $w, orderBy: {field: POSITION}) { nodes { name } } }"
    for where, expected in (
        ({"has": "owner"}, "01"), ({"hasAll": ["owner", "amount"]}, "0"), ({"hasAny": ["amount", "x"]}, "0"),
        ({"isEmpty": True}, "2"), ({"isEmpty": False}, "01"), ({"has": "own"}, ""),
    ):  # fmt: skip
        found = await graph.ask(ctx, text, {"w": {"requiredFields": where}})
        assert "".join(node["name"] for node in found["stages"]["nodes"]) == expected


FOLDED = [
    ("straße", "STRASSE"), ("Ä", "a"), ("ŐRSÉG", "orseg"), ("ς", "Σ"), ("ﬁn", "FIN"), ("İ", "i"), ("Ǆ", "dž"), ("각", "각"),
    ("Å", "Å"), ("ſ", "S"), ("ᾳ", "ΑΙ"), ("①", "1"), ("Ꭰ", "ꭰ"), ("ŉ", "ʼN"), ("𐐀", "𐐨"),
]  # fmt: skip


async def test_case_and_accents_fold_the_same_everywhere(graph, ctx, seed):
    """In a name, which has a folded column, and in an industry, which has none."""
    text = "query($n: StringFilter) { byName: customers(where: {name: $n}) { nodes { name } } other: customers(where: {industry: $n}) { nodes { name } } }"
    for one, other in FOLDED:
        await seed(customers.Customer, name=f"x{one}y", industry=f"x{one}y")
        for operator, part in (
            ("iEq", f"X{other}Y"), ("iContains", other), ("iStartsWith", f"x{other}"), ("iEndsWith", f"{other}Y"),
            ("iIn", [f"X{other}Y"]),
        ):  # fmt: skip
            found = await graph.ask(ctx, text, {"n": {operator: part}})
            for nodes in (found["byName"]["nodes"], found["other"]["nodes"]):
                assert {"name": f"x{one}y"} in nodes, (operator, one, other)


async def test_every_character_folds_in_the_database_as_in_python(db, dialect):
    """All of Unicode that this Python has assigned, one by one and among others."""
    every = [chr(n) for n in range(1, 0x110000) if unicodedata.category(chr(n)) not in ("Cn", "Co", "Cs")]
    texts = every + ["".join(every[i : i + 50]) for i in range(0, len(every), 50)]
    given = value(texts if dialect == "postgres" else json.dumps(texts), "text[]")
    source = (
        Sql("unnest(", given, ") WITH ORDINALITY AS v(t, n)")
        if dialect == "postgres"
        else Sql("(SELECT value AS t, key AS n FROM json_each(", given, ")) v")
    )
    rows = await db.fetch(Sql("SELECT ", DIALECTS[dialect]().fold("v.t"), " AS f FROM ", source, " ORDER BY v.n"))
    assert [row["f"] for row in rows] == [fold(text) for text in texts]


JAPANESE = "お客様からのお問い合わせについて、ガイドラインとデータの取り扱いを確認します。"
GERMAN = "Der Kunde hätte gerne über die Änderung der Straße gesprochen; größere Mengen."


@pytest.mark.parametrize("sentence", [JAPANESE, GERMAN], ids=["japanese", "german"])
async def test_case_and_accents_are_ignored_in_long_texts_at_little_cost(graph, ctx, seed, sentence):
    """300 bodies that no folded column stands beside: within a small multiple of what looking through them costs."""
    customer = await seed(customers.Customer, name="a")
    body = (sentence * 100)[:3600]
    note = {"kind": "NOTE", "direction": "INBOUND", "at": START, "customer_id": customer, "body": body}
    await seed.many(activities.Interaction, [note] * 300)
    text = "query($w: InteractionFilter) { interactions(where: $w) { totalCount } }"
    shortest = {}
    for operator in ("contains", "iContains"):
        taken = []
        for _ in range(5):
            began = perf_counter()
            found = await graph.ask(ctx, text, {"w": {"body": {operator: "nowhere"}}})
            taken.append(perf_counter() - began)
            assert found["interactions"]["totalCount"] == 0
        shortest[operator] = min(taken)
    assert shortest["iContains"] < 100 * shortest["contains"]


async def test_a_new_operator_is_one_entry(registry, db, tenant, dialect, seed, monkeypatch):
    """What operators.py promises: the schema, and the statements of both databases, follow from the table."""
    shorter = Operator(
        "shorterThan", ("text",), "value", "Has fewer characters than this text.",
        lambda c: Sql("length(", c.value, ") < length(", c.given(), ")"),
    )  # fmt: skip
    monkeypatch.setattr(operators, "OPERATORS", (*OPERATORS, shorter))
    printed = print_schema(derive([core_share()]))
    assert '"""Has fewer characters than this text."""\n  shorterThan: String\n' in printed
    graph = Graph(registry, ReadEngine(registry, schema_of(registry), dialect, b"a secret"))
    await seed.many(customers.Customer, [{"name": "abc"}, {"name": "ab"}, {"name": "a"}])
    ctx = Context(db, Policy(tenant, Actor(ActorKind.SYSTEM)))
    found = await graph.ask(ctx, '{ customers(where: {name: {shorterThan: "xyz"}}) { nodes { name } } }')
    assert [node["name"] for node in found["customers"]["nodes"]] == ["ab", "a"]


ADVERSARY = [("a", ["CUSTOMER"]), ("b", ["DEALER"]), ("c", []), ("d", ["CUSTOMER", "DEALER"]), ("e", ["PARTNER"])]


async def test_what_an_adversary_asks(graph, ctx, seed):
    """Very many values, very deep logic: an answer or a refusal, never an error."""
    await seed.many(customers.Customer, [{"name": name, "roles": roles} for name, roles in ADVERSARY])
    text = "query($w: CustomerFilter) { customers(where: $w) { totalCount } }"
    for where, expected in (
        ({"name": {"in": [f"n{n}" for n in range(20_000)] + ["e"]}}, 1),
        ({"employees": {"notIn": list(range(20_000))}}, 5),
        ({"id": {"in": [f"customer_{number(n)}" for n in range(20_000)]}}, 5),
        ({"name": {"iIn": ["\U0001f600" * 50] * 5_000}}, 0),
        ({"name": {"contains": "x" * 100_000}}, 0),
        ({"name": {"iContains": "\u0301" * 10_000}}, 5),
        ({"roles": {"hasAll": ["CUSTOMER"] * 5_000}}, 2),
    ):
        assert (await graph.ask(ctx, text, {"w": where}))["customers"]["totalCount"] == expected
    deep = {"name": {"eq": "e"}}
    for step in range(98):
        deep = {"not": deep} if step % 2 else {"or": [deep]}
    assert (await graph.ask(ctx, text, {"w": deep}))["customers"]["totalCount"] in (1, 4)
    deep = {"and": [{"or": [deep]} for _ in range(3)]}
    with pytest.raises(BadInput, match="200 conditions"):
        await graph.ask(ctx, text, {"w": deep})
