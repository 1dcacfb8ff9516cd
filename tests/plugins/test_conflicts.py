"""Who brings what is printed; and two that want the same name are refused at the start, both named."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from crmcore.app import compose
from crmcore.domain.customers import Customer as CustomerModel
from crmcore.plugins import Plugins
from crmcore.plugins.discovery import in_folders
from crmcore.schema import action, arg, batch, condition, expression, extend, field, inputs, output, query
from crmcore.schema.printing import print_schema
from tests.plugins.conftest import FOLDER
from tests.plugins.provenance import added
from tests.plugins.test_manager import adding, found


async def nothing(*_: Any, **__: Any) -> Any:
    return None


def extension(attribute: str, made: Any, hint: Any, target: str = "Customer") -> type:
    return extend(target)(type("Added", (), {"__annotations__": {attribute: hint}, attribute: made}))


def root(name: str, **arguments: Any) -> type:
    body = {"__doc__": "Does something.", "__annotations__": arguments, **{n: arg("It.") for n in arguments}}
    return query(nothing, returns=int)(type(name, (), body))


def taking(attribute: str, target: str = "Customer", hint: Any = int | None) -> type:
    body = {"__annotations__": {attribute: hint}, attribute: arg("It.")}
    return inputs(target, save=nothing)(type("Given", (), body))


def kind(name: str, **fields: Any) -> type:
    body = {"__doc__": "Something.", "__annotations__": fields, **{n: field("It.") for n in fields}}
    return output(type(name, (), body))


class AbcDefMood(StrEnum):
    """A mood."""

    GOOD = "GOOD"


class AbcDefOther(StrEnum):
    """Another mood under a name that is taken."""

    BAD = "BAD"


AbcDefOther.__name__ = "AbcDefMood"


class Mood(StrEnum):
    """A mood of nobody."""

    BAD = "BAD"


TWICE = [
    (lambda: extension("abc_def_x", batch(nothing, "It."), int | None), "Customer.abcDefX is declared twice, by abc and abc_def."),
    (lambda: extension("abc_def_f", condition("{name} = {value}", "It."), str), "Customer.abcDefF is declared twice, by abc and abc_def."),
    (lambda: root("AbcDefAsk"), "The root field abcDefAsk is made twice, by abc and abc_def."),
    (lambda: taking("abc_def_given"), "The input Customer.abcDefGiven is declared twice, by abc and abc_def."),
    (lambda: kind("AbcDefThing", size=int), "The type AbcDefThing is made twice, by abc and abc_def."),
]  # fmt: skip

MISTAKES = [
    (lambda: extension("abc_x", batch(nothing, "It."), int | None, "Kunde"), "extends Kunde, which nobody declares"),
    (lambda: extension("abc_x", batch(nothing, "It."), int), "a batch field may fail, so annotate it `| None`"),
    (lambda: extension("abc_f", condition("{nom} = {value}", "It."), str), "Customer has no column 'nom'"),
    (lambda: extension("abc_f", condition("{name} = 'x'", "It."), str), "does not ask for {value}"),
    (lambda: extension("abc_f", condition({"sqlite": "{name} = {value}"}, "It."), str), "missing for postgres"),
    (lambda: taking("abc_given", hint=int), "annotate it `| None`"),
    (lambda: taking("abc_given", "AuditEntry"), "neither create nor update a AuditEntry"),
    (lambda: taking("given"), "an input of another's record begins with abc_"),
    (lambda: root("Ask"), "begin with Abc"),
    (lambda: kind("AbcThing", size=complex), "has no form in the graph"),
    (lambda: kind("AbcThing", sizes=list[int | None]), "a list holds neither nulls nor lists"),
    (lambda: kind("AbcThing", mood=Mood), "Mood: the names of enums of abc begin with Abc."),
]  # fmt: skip


async def test_two_plugins_that_want_one_name_are_both_told():
    for make, said in TWICE:
        plugins = Plugins(map(found, [adding(make(), id="abc"), adding(make(), id="abc_def")]))
        parts = await compose(plugins)
        assert [p.state for p in parts.plugins.listing()] == ["LOADED", "FAILED"], said
        assert parts.plugins.listing()[1].problems[0].startswith(f"TypeError: {said}")
    one = adding(kind("AbcDefOne", mood=AbcDefMood), root("AbcDefA"), id="abc")
    two = adding(kind("AbcDefTwo", mood=AbcDefOther), id="abc_def")
    parts = await compose(Plugins(map(found, [one, two])))
    said = "The type AbcDefMood is made twice, by abc and abc_def."
    assert said in parts.plugins.listing()[1].problems[0]


async def test_a_mistake_is_told_and_leaves_the_core_alone():
    for make, said in MISTAKES:
        parts = await compose(Plugins([found(adding(make(), id="abc"))]))
        [listed] = parts.plugins.listing()
        assert listed.state == "FAILED", said
        assert said in listed.problems[0]
        assert "customers" in parts.schema.core.query_type.fields


async def test_a_plugin_never_shadows_the_core():
    """Names that the prefix lets through: the core's own begin like the plugin's."""
    mine = action(CustomerModel, nothing)(type("CustomerMerge", (), {"__doc__": "It."}))
    parts = await compose(Plugins([found(adding(mine, id="customer"))]))
    said = "The root field customerMerge is made twice, by core and customer."
    assert parts.plugins.listing()[0].problems[0].startswith(f"TypeError: {said}")
    parts = await compose(Plugins([found(adding(kind("CustomerPayload", size=int), id="customer"))]))
    said = "The type CustomerPayload is made twice, by core and customer."
    assert parts.plugins.listing()[0].problems[0].startswith(f"TypeError: {said}")


async def test_everything_that_a_plugin_adds_says_whose_it_is(loyalty: Plugins):
    core = print_schema((await compose(Plugins())).schema)
    alone = print_schema((await compose(loyalty)).schema)
    assert {owner for _, owner in added(core, alone)} == {"loyalty"}
    others = adding(
        extension("abc_mood", batch(nothing, "It."), AbcDefMood | None, "LoyaltyVisit"),
        extension("abc_old", condition("{points} > {value}", "It."), int, "LoyaltyVisit"),
        extension("abc_double", expression("{points} * 2", "It."), int, "LoyaltyVisit"),
        extension("abc_long", expression("length({subject})", "It."), int, "Interaction"),
        extension("abc_any", batch(nothing, "It."), int | None, "Node"),
        taking("abc_given", "LoyaltyVisit"),
        id="abc",
    )
    parts = await compose(Plugins([*in_folders([FOLDER]), found(others)]))
    assert [p.problems for p in parts.plugins.listing()] == [(), ()]
    assert {place: owner for place, owner in added(alone, print_schema(parts.schema)) if owner != "abc"} == {}
