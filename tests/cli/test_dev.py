"""`crmcore plugin dev` serves what is saved; `crmcore plugin trace` says what was called."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
CODE = """
from crmcore.plugins import Manifest, hookimpl
from crmcore.schema import batch, extend

async def colours(rows, ctx):
    return ["gold" for _ in rows]

@extend("Customer")
class CustomerBadges:
    {name}: str | None = batch(colours, "A colour.")

class Plugin:
    meta = Manifest(id="shown", title="Shown", description="A test.", version="1.0", api=">=0.1,<1")

    @hookimpl
    def crm_graph(self):
        return [CustomerBadges]
"""


def test_what_is_saved_is_served(tmp_path: Path):
    file = tmp_path / "plugins" / "shown" / "__init__.py"
    file.parent.mkdir(parents=True)
    file.write_text(CODE.format(name="shown_first"))
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "CRMCORE_DATABASE_URL": f"sqlite:///{tmp_path}/dev.db",
        "CRMCORE_PLUGINS_ALLOW": '["shown"]', "CRMCORE_WORKER": "false",
    }  # fmt: skip
    command = [sys.executable, "-m", "crmcore.cli", "plugin"]
    serving = subprocess.Popen(
        [*command, "dev", str(tmp_path / "plugins"), "--port", "0"], env=environment, cwd=tmp_path, text=True,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert serving.stdout is not None
    try:
        lines = iter(serving.stdout.readline, "")
        assert next(line for line in lines if "shown" in line).split() == ["shown", "1.0", "LOADED"]
        link = next(line for line in lines if "the console" in line).split()[-1]
        place, _, token = link.partition("/console/#token=")

        def asked(field: str) -> str:
            query = {"query": f"{{ customers {{ nodes {{ {field} }} }} }}"}
            return httpx.post(f"{place}/graphql", json=query, headers={"authorization": f"Bearer {token}"}).text

        assert asked("shownFirst") == '{"data":{"customers":{"nodes":[]}}}'
        file.write_text(CODE.format(name="shown_second"))
        until = time.monotonic() + 60
        while (said := asked("shownSecond")) != '{"data":{"customers":{"nodes":[]}}}' and time.monotonic() < until:
            time.sleep(0.05)
        assert said == '{"data":{"customers":{"nodes":[]}}}'
        assert "Cannot query field 'shownFirst'" in asked("shownFirst")

        file.write_text("broken(")
        assert "SyntaxError" in next(line for line in lines if "FAILED" in line)
    finally:
        serving.send_signal(signal.SIGINT)
        serving.wait(20)
        serving.stdout.close()

    file.write_text(CODE.format(name="shown_third"))
    environment["CRMCORE_PLUGIN_PATHS"] = json.dumps([str(tmp_path / "plugins")])
    make = 'mutation { customerCreate(input: { name: "Anna" }) { customer { shownThird } } }'
    traced = subprocess.run(
        [*command, "trace", "--query", make, "--json"], env=environment, cwd=tmp_path, text=True, check=True,
        capture_output=True,
    )  # fmt: skip
    [call] = json.loads(traced.stdout)
    assert (call["plugin"], call["fault"]) == ("shown", None)
    assert "shownThird" in call["hook"]
