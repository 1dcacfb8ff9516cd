"""docs/plugins.md is true: its plugin loads, and every hook and state is described."""

from __future__ import annotations

import re
from pathlib import Path

from crmcore.plugins import PluginState, specs

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text()


def write_example(folder: Path) -> Path:
    """The page's plugin, as a folder of plugins."""
    for name, text in re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE, re.DOTALL):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "gifts" / "migrations").mkdir()
    (folder / "gifts" / "migrations" / "__init__.py").touch()
    return folder


def test_the_example_is_short():
    code = "".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    assert len([line for line in code.splitlines() if line.strip()]) <= 50


def test_every_hook_and_state_has_its_line():
    hooks = {name for name in vars(specs) if name.startswith("crm_")}
    assert hooks == set(re.findall(r"^\| `(crm_\w+)\(\)` \|", PAGE, re.MULTILINE))
    assert set(PluginState) == set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE))
    assert all(getattr(specs, name).__doc__ for name in hooks)
