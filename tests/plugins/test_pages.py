"""The pages for partners are true and whole: their code runs, and nothing public is left out."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
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


def test_the_table_of_features_has_all_rows_and_names_tests_that_are_there():
    root = Path(__file__).parents[2]
    rows = re.findall(r"^\| (\d+) \| (.+) \| (.+) \|$", page("plugin-features"), re.MULTILINE)
    assert [int(number) for number, _, _ in rows] == list(range(1, 55))
    for number, _, shown in rows:
        named = re.findall(r"`(tests/\S+\.py)::(test_\w+)`", shown)
        assert named or "missing" in shown, number
        for file, test in named:
            assert f"def {test}(" in (root / file).read_text(), (number, file, test)


COMMANDS_OF_OTHERS = {"pip", "crmcore plugin dev"}
"""What a page shows and a test leaves out: the package is on the path, and serving has a test of its own."""


@pytest.mark.timeout(600)
def test_the_tutorial_is_true(tmp_path: Path):
    """Its commands are run and its files written, in the order of the page."""
    text = page("plugin-tutorial")
    where = tmp_path
    ran = []
    for kind, body in re.findall(r"```(python|console)\n(.*?)```", text, re.DOTALL):
        if kind == "python":
            name, _, code = body.removeprefix("# ").partition("\n")
            (where / name).write_text(code)
            continue
        for line in re.findall(r"^\$ (.*)$", body, re.MULTILINE):
            if any(line.startswith(words) for words in COMMANDS_OF_OTHERS):
                continue
            if line.startswith("cd "):
                where /= line.removeprefix("cd ")
                continue
            ran.append(line)
            if line == "pytest -q" and "rewards_points" not in (where / "crmcore_rewards/graph.py").read_text():
                continue  # the same tests run at the end, beside the new ones
            done = subprocess.run(
                [sys.executable, *_said(line)],
                cwd=where,
                env=_environment(where),
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, (line, done.stdout[-3000:], done.stderr[-3000:])
    assert ran == [
        "crmcore plugin new rewards --with models,graphql,webhook,job,settings",
        "pytest -q",
        "crmcore migration make rewards points",
        "crmcore plugin check . --print",
        "pytest -q",
        "crmcore plugin check .",
    ]


def _said(line: str) -> list[str]:
    program, *arguments = shlex.split(line)
    if program == "crmcore":
        return ["-m", "crmcore.cli", *arguments]
    return ["-m", "pytest", "-p", "crmcore.testing.plugin", "-p", "no:randomly", "-n0", *arguments]


def _environment(where: Path) -> dict[str, str]:
    """That of somebody who has installed crmcore, and the plugin from its folder."""
    root = Path(__file__).parents[2]
    given = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{where}"}
    if (where / "pyproject.toml").exists():
        given |= {"CRMCORE_PLUGIN_PATHS": json.dumps([str(where)]), "CRMCORE_PLUGINS_ALLOW": '["rewards"]'}
    return given
