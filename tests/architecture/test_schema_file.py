"""The printed schema is in the repository, so that a change of the API is a visible diff, and keeps the conventions."""

import difflib

import pytest

from crmcore.schema import print_core_schema
from tests.architecture.conventions import problems
from tests.architecture.tree import ROOT, report


@pytest.fixture(scope="module")
def printed() -> str:
    return print_core_schema()


def test_the_printed_schema_is_the_file(printed: str):
    file = (ROOT / "schema.graphql").read_text()
    change = difflib.unified_diff(
        file.splitlines(), printed.splitlines(), "schema.graphql", "the API as it is", lineterm=""
    )
    assert printed.strip() == file.strip(), "the API changed: `make schema` prints it anew\n" + "\n".join(change)


def test_the_schema_keeps_the_conventions(printed: str):
    report(problems(printed))
