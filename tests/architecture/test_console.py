"""The console: its examples fit the schema, and its files are small, whole and load nothing from elsewhere."""

import json
import re

import pytest
from graphql import parse, validate

from tests.architecture.printed import core_schema
from tests.architecture.tree import ROOT

CONSOLE = ROOT / "crmcore" / "http" / "console"
EXAMPLES = [
    example for group in json.loads((CONSOLE / "examples.json").read_text())["groups"] for example in group["examples"]
]


@pytest.mark.parametrize("example", [e for e in EXAMPLES if not e.get("needs")], ids=lambda e: e["title"])
def test_an_example_fits_the_schema(example: dict):
    schema = core_schema()
    document = parse("\n".join(example["query"]))
    assert validate(schema, document) == []
    filled = set(example.get("variables", {}))
    if "prepare" in example:
        assert validate(schema, parse("\n".join(example["prepare"]["query"]))) == []
        filled |= set(example["prepare"]["variables"])
    assert {variable.variable.name.value for variable in document.definitions[0].variable_definitions or ()} == filled


def test_examples_have_titles_of_their_own():
    titles = [example["title"] for example in EXAMPLES]
    assert len(titles) == len(set(titles))
    assert all(example["description"] for example in EXAMPLES)


def test_the_page_loads_only_our_own_files():
    page = (CONSOLE / "index.html").read_text()
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert [path for path in loaded if not path.startswith("data:") and not (CONSOLE / path).is_file()] == []
    styles = (CONSOLE / "assets" / "console.css").read_text()
    assert re.findall(r"url\((?!['\"]?(?:data:|#))[^)]*\)|@import", styles) == []
    script = (CONSOLE / "assets" / "console.js").read_text()
    assert re.findall(r"https?://[^\s\"'`]*(?:unpkg|jsdelivr|cdnjs|esm\.sh|googleapis)", script) == []


def test_the_page_is_small_and_keeps_its_licences():
    files = [path for path in CONSOLE.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 4_000_000
    assert [path for path in files if path.suffix == ".map"] == []
    licences = (CONSOLE / "assets" / "LICENSES.txt").read_text()
    assert all(f"\n{name} " in licences for name in ("graphiql", "react", "graphql", "codemirror"))
