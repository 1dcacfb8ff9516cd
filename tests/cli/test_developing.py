"""What the command line does for who writes plugins: new ones pass what looks them over."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest

from crmcore.cli.scaffold import FEATURES, write_plugin
from tests.command_line import asked, crmcore

URL = "sqlite:///unused.db"


def assert_clean(folder: Path) -> None:
    """The linter and the formatter, as the project sets them, have nothing to say."""
    for words in (["check", "."], ["format", "--check", "."]):
        ruff = [sys.executable, "-m", "ruff", *words]
        said = subprocess.run(ruff, cwd=folder, capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stdout


def test_a_new_plugin_is_golden_and_clean(tmp_path: Path):
    """With every feature; that its tests pass is shown by the tutorial (tests/plugins/test_tutorial.py)."""
    made = asked(URL, "plugin", "new", "golden", "--into", tmp_path)
    folder = tmp_path / "crmcore-golden"
    assert made["folder"] == str(folder)
    assert (
        sorted(map(str, (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")))
        == made["files"]
    )

    assert_clean(folder)
    [looked] = asked(URL, "plugin", "check", folder)["plugins"]
    assert (looked["id"], looked["quality"]) == ("golden", "gold")
    assert all(check["done"] and check["asks"] for check in looked["checks"])
    assert {check["level"] for check in looked["checks"]} == {"bronze", "silver", "gold"}


def test_every_choice_of_features_is_clean(tmp_path: Path):
    for number in range(len(FEATURES) + 1):
        for features in combinations(FEATURES, number):
            write_plugin(tmp_path / "_".join(["with", *features]), "loyal_ty", features)
    assert_clean(tmp_path)


def test_what_is_missing_is_said_and_may_be_exempt(tmp_path: Path):
    asked(URL, "plugin", "new", "poor", "--with", "graphql,settings", "--into", tmp_path)
    folder = tmp_path / "crmcore-poor"
    (folder / "CHANGELOG.md").unlink()
    (folder / "contribution.graphql").write_text("")
    (folder / "tests" / "test_poor.py").write_text("assert_plugin_contract()")
    settings = folder / "crmcore_poor" / "settings.py"
    settings.write_text(settings.read_text() + '    api_token: str = Setting("")\n')
    graph = folder / "crmcore_poor" / "graph.py"
    graph.write_text(graph.read_text() + "\n\nimport httpx\nimport crmcore.app\n")

    for module in [name for name in sys.modules if name.startswith("crmcore_poor")]:
        del sys.modules[module]  # as the next process will find it

    result = crmcore(URL, "plugin", "check", folder, "--json")
    assert result.exit_code == 1
    [found] = json.loads(result.stdout)["plugins"]
    assert found["quality"] is None
    missing = {check["name"]: " ".join(check["missing"]) for check in found["checks"] if not check["done"]}
    assert missing.keys() == {"doors", "libraries", "changes", "settings", "contribution", "statements", "documented"}
    assert "imports crmcore.app" in missing["doors"]
    assert "imports httpx" in missing["libraries"]
    assert missing["settings"] == (
        "api_token has no description. api_token looks like a secret: make it a SecretStr, so that nobody reads it."
    )

    project = folder / "pyproject.toml"
    project.write_text(project.read_text() + '\n[tool.crmcore.exempt]\ndoors = "it is part of crmcore"\n')
    [found] = asked(URL, "plugin", "check", folder, "--print")["plugins"]
    assert found["quality"] == "bronze"
    assert [check["exempt"] for check in found["checks"] if check["name"] == "doors"] == ["it is part of crmcore"]
    assert "contribution" not in {check["name"] for check in found["checks"] if not check["done"]}


def test_what_does_not_load_is_said(tmp_path: Path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "__init__.py").write_text("import nothing_like_it")
    result = crmcore(URL, "plugin", "check", tmp_path, "--json")
    assert result.exit_code == 1
    assert "No module named 'nothing_like_it'" in json.loads(result.stdout)["problems"][0]
    assert "holds no plugin" in crmcore(URL, "plugin", "check", tmp_path / "broken").stderr


@pytest.mark.parametrize(
    "given, said",
    [
        (["Loyalty"], "'Loyalty' is no id"),
        (["core"], "'core' is no id"),
        (["loyalty", "--with", "models,magic"], "--with names magic; there are models, graphql"),
    ],
)
def test_a_new_plugin_is_refused_with_what_to_do(tmp_path: Path, given: list[str], said: str):
    result = crmcore(URL, "plugin", "new", *given, "--into", tmp_path)
    assert (result.exit_code, list(tmp_path.iterdir())) == (1, [])
    assert said in result.stderr


def test_a_new_plugin_overwrites_nothing(tmp_path: Path):
    (tmp_path / "crmcore-loyalty").mkdir()
    assert "is there already" in crmcore(URL, "plugin", "new", "loyalty", "--into", tmp_path).stderr
