"""Who brings what is printed; and two that want the same name are refused at the start, both named."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from crmcore.app import compose
from crmcore.domain.customers import Customer as CustomerModel
from crmcore.plugins import Plugins
from crmcore.plugins.discovery import in_folders
from crmcore.schema import action, arg, batch, condition, expression, extend, field, inputs, output, query
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


def mood(name: str) -> type[StrEnum]:
    """An enum; another one each time."""
    made: type[StrEnum] = StrEnum(name, {"GOOD": "GOOD"})  # type: ignore[assignment]
    made.__doc__ = "A mood."
    return made


class Mood(StrEnum):
    """A mood of nobody."""

    BAD = "BAD"


TWICE = {
    "aaa": (lambda: extension("aaa_def_x", batch(nothing, "It."), int | None), "Customer.aaaDefX is declared twice"),
    "aab": (
        lambda: extension("aab_def_f", condition("{name} = {value}", "It."), str), "Customer.aabDefF is declared twice",
    ),
    "aac": (lambda: root("AacDefAsk"), "The root field aacDefAsk is made twice"),
    "aad": (lambda: taking("aad_def_given"), "The input Customer.aadDefGiven is declared twice"),
    "aae": (lambda: kind("AaeDefThing", size=int), "The type AaeDefThing is made twice"),
    "aaf": (lambda: root("AafDefAsk", mood=mood("AafDefMood")), "The type AafDefMood is made twice"),
}  # fmt: skip

MISTAKES = {
    "baa": (lambda: extension("baa_x", batch(nothing, "It."), int | None, "Kunde"), "extends Kunde, which nobody"),
    "bab": (lambda: extension("bab_x", batch(nothing, "It."), int), "a batch field may fail, so annotate it `| None`"),
    "bac": (lambda: extension("bac_f", condition("{nom} = {value}", "It."), str), "Customer has no column 'nom'"),
    "bad": (lambda: extension("bad_f", condition("{name} = 'x'", "It."), str), "does not ask for {value}"),
    "bae": (lambda: extension("bae_f", condition({"sqlite": "{value}"}, "It."), str), "missing for postgres"),
    "baf": (lambda: taking("baf_given", hint=int), "annotate it `| None`"),
    "bag": (lambda: taking("bag_given", "AuditEntry"), "neither create nor update a AuditEntry"),
    "bah": (lambda: taking("given"), "an input of another's record begins with bah_"),
    "bai": (lambda: root("Ask"), "begin with Bai"),
    "baj": (lambda: kind("BajThing", size=complex), "has no form in the graph"),
    "bak": (lambda: kind("BakThing", sizes=list[int | None]), "a list holds neither nulls nor lists"),
    "bal": (lambda: kind("BalThing", mood=Mood), "Mood: the names of enums of bal begin with Bal."),
}  # fmt: skip


async def test_who_wants_a_name_that_is_taken_is_told_by_whom_and_mistakes_are_told():
    """All at once: none of them takes another, or the core, with it."""
    classes = [adding(make(), id=id_) for id_, (make, _) in (TWICE | MISTAKES).items()]
    classes += [adding(make(), id=f"{id_}_def") for id_, (make, _) in TWICE.items()]
    parts = await compose(Plugins(map(found, classes)))
    listed = {p.id: p for p in parts.plugins.listing()}
    for id_, (_, said) in TWICE.items():
        assert listed[id_].problems == ()
        assert f"{said}, by {id_} and {id_}_def. Rename one." in listed[f"{id_}_def"].problems[0]
    for id_, (_, said) in MISTAKES.items():
        assert listed[id_].state == "FAILED", said
        assert said in listed[id_].problems[0]
    assert {"customers", "aacDefAsk"} <= parts.schema.core.query_type.fields.keys()


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
    """Also where it adds to another plugin's record."""
    core = (await compose(Plugins())).schema.core
    alone = (await compose(loyalty)).schema.core
    assert {place: owner for place, owner in added(core, alone) if owner != "loyalty"} == {}
    others = adding(
        extension("abc_mood", batch(nothing, "It."), mood("AbcMood") | None, "LoyaltyVisit"),
        extension("abc_old", condition("{points} > {value}", "It."), int, "LoyaltyVisit"),
        extension("abc_double", expression("{points} * 2", "It."), int, "LoyaltyVisit"),
        extension("abc_long", expression("length({name})", "It."), int, "Team"),
        extension("abc_any", batch(nothing, "It."), int | None, "Node"),
        taking("abc_given", "LoyaltyVisit"),
        id="abc",
    )
    parts = await compose(Plugins([*in_folders([FOLDER]), found(others)]))
    assert [p.problems for p in parts.plugins.listing()] == [(), ()]
    brought = dict(added(alone, parts.schema.core))
    assert set(brought.values()) == {"abc"}
    assert {"LoyaltyVisitOrderField.ABC_DOUBLE", "TeamSum", "TeamAggregate.sum", "Node.abcAny"} <= set(brought)
