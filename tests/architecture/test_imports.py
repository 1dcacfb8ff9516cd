"""Imports go down only, areas know their neighbours on the right, libraries stay at the edge."""

from tests.architecture.imports import contracts, graph, lint_imports
from tests.architecture.tree import ROOT


def test_the_import_contracts_hold():
    kept, words = lint_imports(ROOT)
    assert kept, words


def test_the_schema_has_no_ring_when_it_runs():
    assert graph("crmcore", running=True).nominate_cycle_breakers("crmcore.schema") == set()


def test_every_room_and_every_area_has_its_place():
    by_id = {contract["id"]: contract for contract in contracts()}
    for name in ("rooms", "areas", "area-files"):
        assert by_id[name]["exhaustive"] is True, f"the contract {name!r} must be exhaustive"


def test_no_contract_is_softened_by_an_exception():
    for contract in contracts():
        assert not contract.get("ignore_imports"), f"the contract {contract['id']!r} ignores imports"
        assert not contract.get("exhaustive_ignores"), f"the contract {contract['id']!r} ignores modules"
