"""Plugins are found, checked and loaded one by one; whatever is wrong with one is its own matter."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any

import pytest

from crmcore.app import compose
from crmcore.errors import ConfigError
from crmcore.plugins import Manifest, Plugins, PluginState, hookimpl
from crmcore.plugins.contribution import Contribution
from crmcore.plugins.discovery import Candidate, in_folders, installed
from crmcore.query.declare import batch, extend
from crmcore.settings import Settings


def plugin(id: str = "surveys", **given: Any) -> type:
    """A plugin class that adds nothing."""
    body = {name: given.pop(name) for name in list(given) if callable(given[name])}
    words = {"title": id, "description": "A test.", "api": ">=0.1,<1", "version": "1.0", **given}
    return type("Plugin", (), {"meta": Manifest(id=id, **words), **body})


def found(cls: Any, id: str = "", source: str = "test") -> Candidate:
    return Candidate(id or cls.meta.id, source, lambda: cls)


def states(plugins: Plugins) -> dict[str, str]:
    return {listed.id: listed.state for listed in plugins.listing()}


def problems(*classes: Any) -> str:
    [listed] = [p for p in Plugins(map(found, classes)).listing() if p.state != PluginState.LOADED]
    return " ".join(listed.problems)


# ---------------------------------------------------------------- loading


def test_a_plugin_is_listed_with_what_it_says_about_itself():
    [listed] = Plugins([found(plugin(title="Surveys", description="Asks.", version="2.1"))]).listing()
    assert (listed.id, listed.title, listed.description, listed.version, listed.state, listed.problems) == (
        "surveys", "Surveys", "Asks.", "2.1", PluginState.LOADED, (),
    )  # fmt: skip


def test_no_plugin_is_a_complete_app():
    plugins = Plugins()
    assert plugins.listing() == []
    assert plugins.contributions() == []


def test_every_app_has_its_own_instance():
    made = []

    def note(self: Any) -> None:
        made.append(self)

    cls = plugin(__init__=note)
    Plugins([found(cls)])
    Plugins([found(cls)])
    assert len(made) == 2


def test_a_distribution_gives_its_version():
    cls = plugin(version="")
    [listed] = Plugins([Candidate("surveys", "crmcore-surveys 3.2", lambda: cls, version="3.2")]).listing()
    assert (listed.state, listed.version) == (PluginState.LOADED, "3.2")


def test_entry_points_are_found_in_the_order_of_their_names(monkeypatch: pytest.MonkeyPatch):
    points = [importlib.metadata.EntryPoint(name, f"nowhere_{name}:Plugin", "crmcore") for name in ("zeta", "alpha")]
    monkeypatch.setattr("crmcore.plugins.discovery.entry_points", lambda group: points)
    assert [candidate.id for candidate in installed()] == ["alpha", "zeta"]
    listing = Plugins(installed()).listing()
    assert [listed.state for listed in listing] == [PluginState.FAILED, PluginState.FAILED]
    assert listing[0].problems == ("ModuleNotFoundError: No module named 'nowhere_alpha'",)


# ---------------------------------------------------------------- switching off


def test_a_disabled_plugin_is_not_imported():
    def load() -> Any:
        raise AssertionError("imported")

    plugins = Plugins([Candidate("surveys", "test", load)], disabled=["surveys"])
    assert states(plugins) == {"surveys": "DISABLED"}


def test_with_an_allow_list_only_those_load():
    plugins = Plugins([found(plugin("surveys")), found(plugin("email"))], only=["email"])
    assert states(plugins) == {"email": "LOADED", "surveys": "DISABLED"}


def test_settings_can_switch_all_off(tmp_path: Path):
    (tmp_path / "loyal").mkdir()
    (tmp_path / "loyal" / "__init__.py").write_text("")
    assert Plugins.discover(Settings(plugins_enabled=False, plugin_paths=[tmp_path])).listing() == []
    assert "loyal" in states(Plugins.discover(Settings(plugin_paths=[tmp_path])))


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("error", [ImportError("no such library"), SystemExit(3), ZeroDivisionError("0")])
def test_a_plugin_that_does_not_import_leaves_the_others_alone(error: BaseException):
    def load() -> Any:
        raise error

    plugins = Plugins([Candidate("broken", "test", load), found(plugin("surveys"))])
    assert states(plugins) == {"broken": "FAILED", "surveys": "LOADED"}
    assert plugins.listing()[0].problems == (f"{type(error).__name__}: {error}",)


def test_a_plugin_whose_instance_cannot_be_made_fails_alone():
    def fail(self: Any) -> None:
        raise RuntimeError("no licence")

    assert problems(plugin("broken", __init__=fail), plugin("surveys")) == "RuntimeError: no licence"


def test_a_strict_start_stops_with_the_reasons():
    def load() -> Any:
        raise ImportError("no such library")

    with pytest.raises(ConfigError, match=r"broken \(crmcore-broken 1\): ImportError: no such library"):
        Plugins([Candidate("broken", "crmcore-broken 1", load)], strict=True)


@pytest.mark.parametrize(
    "given, said",
    [
        ({"id": "Surveys"}, "id 'Surveys'"),
        ({"id": "core"}, "id 'core'"),
        ({"title": " "}, "title:"),
        ({"version": "one"}, "version 'one'"),
        ({"version": ""}, "only a plugin that is installed"),
        ({"api": "1 or so"}, "no range of versions"),
        ({"requires": {"email": "new"}}, "requires email: 'new'"),
        ({"models": [".models"]}, "belong together"),
        ({"models": ".models", "migrations": ".migrations"}, "give a list"),
    ],
)
def test_a_bad_manifest_says_what_is_wrong(given: dict[str, Any], said: str):
    assert said in problems(plugin(**given))


def test_a_manifest_that_is_none():
    [listed] = Plugins([Candidate("surveys", "test", lambda: object)]).listing()
    assert "is no class with `meta = Manifest(...)`" in listed.problems[0]


def test_the_id_is_the_name_of_the_entry_point():
    [listed] = Plugins([found(plugin("surveys"), id="polls")]).listing()
    assert listed.problems == ("its entry point or folder is called polls, but its id is surveys: use one.",)


def test_a_plugin_for_another_api_is_incompatible():
    [listed] = Plugins([found(plugin(api=">=7"))]).listing()
    assert listed.state == PluginState.INCOMPATIBLE
    assert "works with plugin API >=7, but this crmcore has 0.1" in listed.problems[0]


def test_two_plugins_of_one_name_are_both_named():
    plugins = Plugins([found(plugin(), source="one"), found(plugin(), source="two")])
    assert [(p.source, p.state) for p in plugins.listing()] == [("one", "LOADED"), ("two", "FAILED")]
    assert plugins.listing()[1].problems == ("one is a plugin called surveys already.",)


# ---------------------------------------------------------------- requirements


def test_what_is_required_loads_first():
    order = []

    def note(self: Any) -> None:
        order.append(type(self).meta.id)

    a = plugin("aaa", requires={"zzz": ">=1"}, __init__=note)
    Plugins([found(a), found(plugin("zzz", __init__=note))])
    assert order == ["zzz", "aaa"]


@pytest.mark.parametrize(
    "others, said",
    [
        ((), "requires email, which is not installed."),
        ((plugin("email", api=">=9"),), "requires email, which is incompatible."),
        ((plugin("email", version="1.0"),), "requires email >=2; installed is 1.0."),
    ],
)
def test_a_missing_requirement_is_named(others: tuple[type, ...], said: str):
    plugins = Plugins(map(found, [plugin("surveys", requires={"email": ">=2"}), *others]))
    [listed] = [p for p in plugins.listing() if p.id == "surveys"]
    assert listed.problems == (said,)


def test_plugins_that_require_each_other_fail_together():
    plugins = Plugins([found(plugin("aaa", requires={"bbb": ""})), found(plugin("bbb", requires={"aaa": ""}))])
    assert states(plugins) == {"aaa": "FAILED", "bbb": "FAILED"}
    assert plugins.listing()[0].problems == ("aaa, bbb require each other: one has to do without.",)


# ---------------------------------------------------------------- hooks


def test_a_misspelt_hook_is_refused_by_name():
    @hookimpl
    def crm_grahp(self: Any) -> list[type]:
        return []

    assert problems(plugin(crm_grahp=crm_grahp)) == "crm_grahp is no hook: did you mean crm_graph?"


def test_an_argument_that_the_hook_has_not_is_refused_by_name():
    @hookimpl
    def crm_graph(self: Any, database: Any) -> list[type]:
        return []

    assert "{'database'} are declared in the hookimpl but can not be found in the hookspec" in problems(
        plugin(crm_graph=crm_graph)
    )


def test_a_hook_without_the_mark_is_refused():
    def crm_graph(self: Any) -> list[type]:
        return []

    assert problems(plugin(crm_graph=crm_graph)) == "crm_graph is not marked with @hookimpl."


def test_a_hook_of_the_wrong_kind_is_refused():
    @hookimpl
    async def crm_graph(self: Any) -> list[type]:
        return []

    assert "must be a plain function" in problems(plugin(crm_graph=crm_graph))


# ---------------------------------------------------------------- names


async def nothing(rows: Any, ctx: Any) -> list[None]:
    return [None for _ in rows]


def extension(attribute: str) -> type:
    return extend("Customer")(
        type("Added", (), {"__annotations__": {attribute: int | None}, attribute: batch(nothing, "A number.")})
    )


def adding(*classes: type, id: str = "loyalty") -> type:
    @hookimpl
    def crm_graph(self: Any) -> list[type]:
        return list(classes)

    return plugin(id, crm_graph=crm_graph)


def test_a_share_is_marked_with_its_owner():
    [share] = Plugins([found(adding(extension("loyalty_score")))]).contributions()
    assert (share.plugin, share.extensions[0].plugin, share.app) == ("loyalty", "loyalty", None)


def test_a_field_on_another_record_begins_with_the_id():
    said = problems(adding(extension("score")))
    assert said == "Customer.score: a field on another's record begins with loyalty, like loyaltyThing."


def test_a_class_that_declares_nothing_is_refused():
    class Stray:
        pass

    assert "Stray has none of @record, @extend and @action" in problems(adding(Stray))


# ---------------------------------------------------------------- admission


async def test_a_share_that_does_not_fit_is_dropped_with_what_requires_it():
    """Also plugins that require it go; everybody else stays."""
    classes = [
        adding(extension("fine_score"), id="fine"),
        adding(extension("clash_score"), id="clash"),
        plugin("later", requires={"clash": ""}),
    ]
    plugins = Plugins(map(found, classes))

    async def attempt(shares: list[Contribution]) -> list[str]:
        if any(share.plugin == "clash" for share in shares):
            raise TypeError("Customer.clashScore is declared twice, by core and clash. Rename one.")
        return [share.plugin for share in shares]

    assert await plugins.admit(attempt) == ["fine"]
    assert states(plugins) == {"clash": "FAILED", "fine": "LOADED", "later": "FAILED"}
    said = {p.id: p.problems for p in plugins.listing()}
    assert said["clash"] == ("TypeError: Customer.clashScore is declared twice, by core and clash. Rename one.",)
    assert said["later"] == ("requires clash, which failed.",)


async def test_a_fault_of_the_app_itself_is_no_plugins_fault():
    plugins = Plugins([found(plugin("fine"))])

    async def attempt(shares: list[Contribution]) -> None:
        raise ConfigError("no database")

    with pytest.raises(ConfigError, match="no database"):
        await plugins.admit(attempt)
    assert states(plugins) == {"fine": "LOADED"}


async def test_a_field_that_two_plugins_bring_names_both():
    """Their ids make it possible: abc and abc_def. The first by id keeps it."""
    classes = [adding(extension("abc_def_x"), id="abc"), adding(extension("abc_def_x"), id="abc_def")]
    parts = await compose(Plugins(map(found, classes)))
    assert states(parts.plugins) == {"abc": "LOADED", "abc_def": "FAILED"}
    assert parts.plugins.listing()[1].problems == (
        "TypeError: Customer.abcDefX is declared twice, by abc and abc_def. Rename one.",
    )


async def test_a_strict_start_stops_at_a_share_that_does_not_fit():
    classes = [adding(extension("abc_def_x"), id="abc"), adding(extension("abc_def_x"), id="abc_def")]
    with pytest.raises(ConfigError, match="declared twice, by abc and abc_def"):
        await compose(Plugins(map(found, classes), strict=True))


# ---------------------------------------------------------------- folders


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(text)
    return folder


SIMPLE = """
from crmcore.plugins import Manifest
from .words import TITLE

class Plugin:
    meta = Manifest(id="email", title=TITLE, description="In a folder.", version="1", api=">=0.1")
"""


def test_a_folder_is_a_plugin_and_never_shadows_a_library(tmp_path: Path):
    (write(tmp_path / "email", SIMPLE) / "words.py").write_text("TITLE = 'Mail'")
    (tmp_path / "no_plugin").mkdir()
    [listed] = Plugins(in_folders([tmp_path])).listing()
    assert (listed.title, listed.state) == ("Mail", PluginState.LOADED)
    import email

    assert Path(email.__file__ or "").parent != tmp_path / "email"


def test_a_broken_folder_can_be_repaired(tmp_path: Path):
    folder = write(tmp_path / "email", SIMPLE)
    assert states(Plugins(in_folders([tmp_path]))) == {"email": "FAILED"}
    (folder / "words.py").write_text("TITLE = 'Mail'")
    assert states(Plugins(in_folders([tmp_path]))) == {"email": "LOADED"}


def test_a_path_that_is_no_folder_stops_the_start(tmp_path: Path):
    with pytest.raises(ConfigError, match="which is no folder"):
        Plugins(in_folders([tmp_path / "nowhere"]))
