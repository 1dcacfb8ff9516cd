"""An area is entered by its face; a plugin by the doors that every partner has."""

import importlib
from pathlib import Path

import pytest

from tests.architecture.imports import beside_the_kit, graph, round_the_door, round_the_face, undeclared
from tests.architecture.tree import ROOT, report, sources

AREAS = sorted(path.parent.name for path in ROOT.glob("crmcore/domain/*/__init__.py"))
PLUGINS = sorted(path for path in ROOT.glob("plugins/*/crmcore_*") if path.is_dir())


def test_areas_are_entered_by_their_faces():
    report(list(round_the_face(graph("crmcore"))))


@pytest.mark.parametrize("area", AREAS)
def test_a_face_lists_what_it_shows(area: str):
    """`__all__` is there, without repeats (the linter sorts it), and every name in it exists."""
    face = importlib.import_module(f"crmcore.domain.{area}")
    names = list(face.__all__)
    assert len(names) == len(set(names))
    assert [name for name in names if not hasattr(face, name)] == []


@pytest.mark.parametrize("package", PLUGINS, ids=lambda path: path.name)
def test_a_bundled_plugin_enters_by_the_door(package: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(package.parent))
    report(list(round_the_door(graph("crmcore", package.name), package.name)))


@pytest.mark.parametrize("package", PLUGINS, ids=lambda path: path.name)
def test_a_bundled_plugin_names_the_libraries_that_it_uses(package: Path):
    """Migrations are written by crmcore, in the words of its own libraries."""
    own = [source for source in sources(str(package.relative_to(ROOT))) if not source.is_migration]
    report([problem for source in own for problem in undeclared(source, package.parent)])


def test_tests_of_plugins_have_the_test_kit_and_nothing_else():
    report([problem for source in sources("plugins/*/tests") for problem in beside_the_kit(source)])


def test_the_plugins_folder_is_no_package():
    """Else `plugins/email` could be imported as `email`."""
    assert not (ROOT / "plugins" / "__init__.py").exists()
