"""Writes the pages for plugin authors that follow from the code: `make docs`. A test holds the pages to it.

docs/plugin-hooks.md comes from the specs of the hooks, docs/plugin-quality.md from the checklist of `plugin check`.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from crmcore.cli.quality import CHECKLIST, LEVELS
from crmcore.plugins import specs

DOCS = Path(__file__).parents[1] / "docs"
MADE = "<!-- Written by tools/plugin_pages.py from the code: change it there, then `make docs`. -->\n\n"


HOOKS = """\
A plugin is a class with `meta = Manifest(...)` and those of these methods that it needs, each marked with `@hookimpl`.
An app makes one instance of it. A name or an argument that no hook has is refused when the plugin loads. Every hook is
shown at work in [plugin-reference.md](plugin-reference.md).

"""
QUALITY = """\
`crmcore plugin check PATH` goes through this list and says which level a plugin has reached, and what is missing for
the next; `--json` for scripts. A level holds what those before it hold. What does not apply to a plugin is exempt, with
the reason, in its pyproject.toml:

```toml
[tool.crmcore.exempt]
statements = "its fields are for one customer at a time"
```
"""


def hooks_page() -> str:
    """Every hook with its signature and what it promises."""
    names = [name for name in vars(specs) if name.startswith("crm_")]
    parts = ["# The hooks\n\n", MADE, HOOKS, *(f"* [`{name}`](#{name})\n" for name in names)]
    for name in names:
        hook = getattr(specs, name)
        kind = "async def" if inspect.iscoroutinefunction(hook) else "def"
        given = str(inspect.signature(hook)).replace("(", "(self, ", 1).replace("(self, )", "(self)").replace("'", "")
        said = _markdown(inspect.getdoc(hook) or "")
        parts.append(f"\n## {name}\n\n```text\n{kind} {name}{given}\n```\n\n{said}\n")
    return "".join(parts)


def quality_page() -> str:
    """The quality scale as a list."""
    parts = ["# The quality scale\n\n", MADE, QUALITY]
    for level in LEVELS:
        parts.append(f"\n## {level.capitalize()}\n\n| | |\n|---|---|\n")
        parts += [f"| `{line.name}` | {line.asks} |\n" for line in CHECKLIST if line.level == level]
    return "".join(parts)


def _markdown(text: str) -> str:
    """A docstring as Markdown: what is indented is code."""
    return re.sub(r"\n\n((?: {4}.*\n?|\n(?= {4}))+)", lambda code: f"\n\n```python\n{_outdented(code[1])}\n```\n", text)


def _outdented(text: str) -> str:
    return "\n".join(line.removeprefix("    ") for line in text.rstrip().splitlines())


PAGES = {"plugin-hooks.md": hooks_page, "plugin-quality.md": quality_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page())
