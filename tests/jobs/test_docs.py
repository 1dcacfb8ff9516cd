"""What docs/jobs.md shows works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from graphql import parse, validate

from crmcore.settings import Settings
from tests.architecture.printed import core_schema
from tests.jobs.conftest import Bench

PAGE = (Path(__file__).parents[2] / "docs" / "jobs.md").read_text()


def block(language: str) -> str:
    [found] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_query_fits_the_schema():
    assert validate(core_schema(), parse(block("graphql"))) == []
    for mutation in ("jobRetry", "jobsRetry", "jobCancel"):
        assert mutation in core_schema().mutation_type.fields


def test_the_settings_are_those():
    for line in re.findall(r"^\| (`.*?) \| (.*?) \|", PAGE, re.MULTILINE):
        names = re.findall(r"`(\w+)`", line[0])
        defaults = [str(Settings.model_fields[name].default).removesuffix(".0") for name in names]
        assert [d.lower() for d in defaults] == [d.lower() for d in line[1].split(", ")]


async def test_the_kind_is_one(bench: Bench):
    scope: dict[str, Any] = {}
    exec(block("python"), scope)
    kind = scope["GREET"]
    bench.kinds[kind.name] = kind
    id = await scope["ask"](bench.context(), ["Ada", "Zoë"])
    assert await scope["ask"](bench.context(), ["Ada"]) == id
    assert await bench.worker().drain() == 1
    job = await bench.job(id)
    assert (job["state"], job["result"], job["progress_message"]) == ("DONE", {"greeted": 2}, "Zoë")
