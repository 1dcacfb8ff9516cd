"""What the README shows works: its queries fit the schema, its plugin is one."""

import re
import tomllib

import pytest
from graphql import parse, validate

from crmcore.plugins import Manifest
from tests.architecture.printed import core_schema
from tests.architecture.tree import ROOT

README = (ROOT / "README.md").read_text()


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


QUERIES = [*_blocks("graphql"), *re.findall(r'"query": "(.*?)"}', README)]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_fits_the_schema(query: str):
    assert validate(core_schema(), parse(query)) == []


def test_the_plugin_is_one():
    [code] = _blocks("python")
    [entry_point] = (tomllib.loads(block) for block in _blocks("toml"))
    scope: dict = {"__name__": "crmcore_badges"}
    exec(code, scope)
    assert isinstance(scope["Plugin"].meta, Manifest)
    assert [cls.__name__ for cls in scope["Plugin"]().crm_graph()] == ["CustomerBadge"]
    assert entry_point == {"project": {"entry-points": {"crmcore": {"badges": "crmcore_badges:Plugin"}}}}
    assert len(code.splitlines()) <= 24


def test_its_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []
