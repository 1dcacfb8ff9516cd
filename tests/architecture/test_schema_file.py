"""The printed schema is in the repository, so that a change of the API is a visible diff, and keeps the conventions."""

import difflib

from tests.architecture.conventions import problems
from tests.architecture.printed import core_sdl
from tests.architecture.tree import ROOT, report


def test_the_printed_schema_is_the_file():
    printed = core_sdl()
    file = (ROOT / "schema.graphql").read_text()
    change = difflib.unified_diff(
        file.splitlines(), printed.splitlines(), "schema.graphql", "the API as it is", lineterm=""
    )
    assert printed.strip() == file.strip(), "the API changed: `make schema` prints it anew\n" + "\n".join(change)


def test_the_schema_keeps_the_conventions():
    report(problems(core_sdl()))
