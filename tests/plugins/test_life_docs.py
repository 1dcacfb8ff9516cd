"""docs/plugins-life.md says what is: its class works, its file is read, its commands and states exist."""

from __future__ import annotations

import re
import textwrap
import tomllib
from pathlib import Path
from typing import Any

from crmcore.cli import app
from crmcore.plugins import PluginSettings
from crmcore.plugins.settings import faults, outbound_hosts
from crmcore.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "plugins-life.md").read_text()


def block(language: str) -> str:
    found = re.search(rf"^ *```{language}\n(.*?)^ *```", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    return textwrap.dedent(found[1])


def test_the_class_works():
    names: dict[str, Any] = {}
    exec(compile(block("python"), "plugins-life.md", "exec", dont_inherit=True), names)
    declared: type[PluginSettings] = names["GiftsSettings"]
    assert list(faults(declared)) == []
    made = declared.model_validate({"shop": "Corner", "hook": "https://shop.example/told"})
    assert outbound_hosts(made) == {"shop.example"}


def test_the_file_is_read():
    assert Settings(**tomllib.loads(block("toml"))).plugins["gifts"]["key"] == {"$file": "/run/secrets/gifts"}


def test_the_commands_and_knobs_exist():
    groups = {group.name: group.typer_instance for group in app.registered_groups}
    assert groups["plugin"] is not None
    there = {command.name for command in groups["plugin"].registered_commands}
    assert set(re.findall(r"`crmcore plugin (\w+) ?", PAGE)) <= there
    assert set(re.findall(r"`(plugins_\w+)`", PAGE)) <= Settings.model_fields.keys()
