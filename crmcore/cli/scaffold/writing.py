"""A plugin's project from the templates in `files`.

A template is the file with a few marks: `@id@` stands for the plugin's id, and lines between `#: if models` and
`#: end` are there only for a plugin with models.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from crmcore.kit.text import camel, pascal

FEATURES: Final = {
    "models": "a table of its own, with migrations",
    "graphql": "fields on customers",
    "webhook": "a route that takes signed requests",
    "job": "work by the clock",
    "settings": "typed settings",
}
_FILES: Final = {
    "pyproject.toml": "",
    "README.md": "",
    "CHANGELOG.md": "",
    "package/__init__.py": "",
    "package/models.py": "models",
    "package/graph.py": "graph",
    "package/settings.py": "settings",
    "package/jobs.py": "job",
    "package/routes.py": "webhook",
    "tests/test_plugin.py": "",
}
_TEMPLATES: Final = Path(__file__).parent / "files"
_MARK: Final = re.compile(r"@([a-zA-Z_]+)@")


def needed(features: Collection[str]) -> frozenset[str]:
    """What these features are, and what they need: a webhook's secret is a setting."""
    return frozenset({*features, *({"settings"} if "webhook" in features else ())})


def write_plugin(folder: Path, id: str, features: Collection[str]) -> list[Path]:
    """Write the project of a new plugin into the folder; its files. Migrations are written by who can compose it."""
    have = set(needed(features))
    have |= {"graph"} if have & {"models", "graphql"} else set()
    words = _words(id, have)
    written = []
    for name, feature in _FILES.items():
        if feature and feature not in have:
            continue
        text = _chosen((_TEMPLATES / f"{name}.txt").read_text(), have)
        path = folder / name.replace("package/", f"crmcore_{id}/").replace("test_plugin", f"test_{id}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_MARK.sub(lambda mark: words[mark[1]], text))
        written.append(path)
    if "models" in have:
        written.append(folder / f"crmcore_{id}" / "migrations" / "__init__.py")
        written[-1].parent.mkdir(exist_ok=True)
        written[-1].write_text('"""The history of its tables, written by `crmcore migration make`."""\n')
    typed = folder / f"crmcore_{id}" / "py.typed"
    typed.touch()
    return [*written, typed]


def _words(id: str, have: Collection[str]) -> dict[str, str]:
    """What the marks stand for."""
    models, graphql = "models" in have, "graphql" in have
    schema = ["batch"] * graphql + ["extend"] + ["field", "record"] * models
    fields = [f"{camel(id)}Card"] * graphql + [f"{camel(id)}LastNote"] * (models and graphql)
    return {
        "id": id,
        "idCamel": camel(id),
        "Id": pascal(id),
        "dist": id.replace("_", "-"),
        "title": id.replace("_", " ").capitalize(),
        "hookimpl": ", hookimpl" * bool({"graph", "job", "webhook"} & set(have)),
        "doors": ", ".join(["Job"] * ("job" in have) + ["Route"] * ("webhook" in have)),
        "classes": ", ".join([f"graph.{pascal(id)}Note"] * models + [f"graph.Customer{pascal(id)}"]),
        "words": ", ".join(["Many"] * models + schema),
        "latest": (", crm_of" if "settings" in have else "") + (", latest" if models else ""),
        "secretstr": "SecretStr, " if "webhook" in have else "",
        "counted": f"{camel(id)}Notes" if models else "customers",
        "after_job": "0" if models else "1",
        "fields": " ".join(["name", *fields]),
        "budget": str(2 + (models and graphql)),
        "kit": "Factory, TestCrm" if "webhook" in have or {"settings", "graphql"} <= set(have) else "TestCrm",
    }


def _chosen(text: str, have: Collection[str]) -> str:
    """The lines of a template that these features leave."""
    return "".join(_kept(text, have))


def _kept(text: str, have: Collection[str]) -> Iterator[str]:
    inside: list[bool] = []
    for line in text.splitlines(keepends=True):
        if line.startswith("#: if "):
            inside.append(_holds(line.removeprefix("#: if ").split(), have))
        elif line.startswith("#: end"):
            inside.pop()
        elif all(inside):
            yield line


def _holds(words: list[str], have: Collection[str]) -> bool:
    """`models`, `not models`, `job or webhook`, `graphql and models`."""
    if words[0] == "not":
        return words[1] not in have
    asked = [word in have for word in words[::2]]
    return all(asked) if "and" in words else any(asked)
