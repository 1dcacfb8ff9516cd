"""The pages for partners are true and whole: their code runs, and nothing public is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import crmcore.plugins
import crmcore.schema
from crmcore.app import compose
from crmcore.platform.migrate import make_migration
from crmcore.plugins import Plugins, specs
from crmcore.plugins.projects import found_in
from tests.plugins.written import DOCS, page, write_files
from tools.plugin_pages import PAGES

HOOKS = sorted(name for name in vars(specs) if name.startswith("crm_"))


async def test_the_plugin_of_the_reference_loads(tmp_path: Path):
    write_files("plugin-reference", tmp_path)
    (tmp_path / "desk" / "migrations").mkdir()
    (tmp_path / "desk" / "migrations" / "__init__.py").touch()
    parts = await compose(Plugins(found_in(tmp_path), strict=True))
    assert [(p.id, p.state, p.problems) for p in parts.plugins.listing()] == [("desk", "LOADED", ())]
    assert await make_migration(parts.apps, "desk", "initial")
    for name in (
        "deskTicketClose",
        "deskReportOf",
        "deskTicketReopen",
        "deskTicks",
        "deskWaitsSince",
        "deskFirstTicket",
    ):
        assert f"{name}" in str(parts.schema.core.type_map) or any(
            name in getattr(kind, "fields", {}) for kind in parts.schema.core.type_map.values()
        )


def test_every_public_name_is_in_the_reference():
    """Each in code or in a sentence of the page that shows them all."""
    words = set(re.findall(r"\w+", page("plugin-reference")))
    missing = [n for door in (crmcore.plugins, crmcore.schema) for n in door.__all__ if n not in words]
    assert missing == []


def test_links_between_pages_lead_somewhere():
    for file in sorted(DOCS.glob("plugin*.md")):
        links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", file.read_text())
        assert [link for link in links if not (file.parent / link).exists()] == [], file.name


@pytest.mark.parametrize("name", PAGES)
def test_pages_that_follow_from_the_code_are_up_to_date(name: str):
    """`make docs` writes them."""
    assert (DOCS / name).read_text() == PAGES[name]()


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_described_shown_and_tested(hook: str):
    """It has a docstring, its place on three pages, and a test has a plugin with it."""
    assert (getattr(specs, hook).__doc__ or "").strip()
    assert f"## {hook}\n" in page("plugin-hooks")
    assert f"def {hook}(self" in page("plugin-reference")
    assert f"`{hook}()`" in page("plugins")
    root = Path(__file__).parents[2]
    tests = [file for folder in ("tests", "plugins") for file in sorted((root / folder).rglob("*.py"))]
    assert any(f"def {hook}(self" in file.read_text() for file in tests if "/tests/" in str(file))
