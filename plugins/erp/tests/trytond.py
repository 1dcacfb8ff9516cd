"""A real Tryton for the tests: a server of our own over copies of a database that was filled once.

CRMCORE_ERP_TRYTON names the folder that erp/tryton.sh made; without it the script is run, if it is beside the repository.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT.parent / "shared" / "erp" / "tryton.sh"
COPIES = 24
MISSING = "No Tryton here: set CRMCORE_ERP_TRYTON to a folder that tryton.sh has filled."


def folder() -> Path | None:
    """Where Tryton is installed, with its filled database; None if there is none and none can be made."""
    named = os.environ.get("CRMCORE_ERP_TRYTON")
    if named:
        return Path(named)
    made = Path(tempfile.gettempdir()) / "crmcore-tryton"
    if not SCRIPT.exists():
        return None
    made.mkdir(exist_ok=True)
    with (made / "lock").open("w") as lock:
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made / "erp.pristine.sqlite").exists():
            done = subprocess.run(
                ["bash", SCRIPT, made, str(free_port())], capture_output=True, text=True, timeout=400, check=False
            )
            if "pid=" not in done.stdout:
                raise RuntimeError(f"tryton.sh failed: {done.stdout[-500:]} {done.stderr[-500:]}")
            subprocess.run(["kill", done.stdout.split("pid=")[1].split()[0]], check=True)
    return made


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Erp:
    """A database of the server, and what colleagues do in it."""

    url: str
    database: str
    key: str
    user: str = "admin"
    password: str = "admin-pw-123"
    _session: str = ""

    def rest(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        context = {"company": 1, "companies": [1], "active_test": False}
        headers = {"Authorization": f"bearer {self.key}", "X-Tryton-Context": _coded(context)}
        answer = httpx.request(
            method,
            f"{self.url}/{self.database}/rest/model/{path}",
            json=body,
            params=params,
            headers=headers,
            timeout=60,
        )
        if answer.status_code >= 400:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text[:400]}")
        return answer.json() if answer.content else None

    def find(self, model: str, domain: list[Any], *fields: str) -> list[dict[str, Any]]:
        return self.rest("GET", model, d=_coded(domain), f=fields)

    def count(self, model: str, *domain: Any) -> int:
        return len(self.find(model, list(domain), "id"))

    def put(self, model: str, id: int | str, **values: Any) -> None:
        self.rest("PUT", f"{model}/{id}", values)

    def make(self, model: str, **values: Any) -> int:
        return int(self.rest("POST", model, values)["id"])

    def press(self, model: str, id: int | str, *buttons: str) -> None:
        for button in buttons:
            self.rest("POST", f"{model}/{id}/{button}", {})

    def delete(self, model: str, id: int | str) -> None:
        self.rest("DELETE", f"{model}/{id}")

    def call(self, method: str, *params: Any) -> Any:
        """By the client's protocol: what REST cannot do, like paying."""
        if not self._session:
            [user, token] = self._ask("common.db.login", [self.user, {"password": self.password}, "en"], {})[:2]
            self._session = base64.b64encode(f"{self.user}:{user}:{token}".encode()).decode()
        return self._ask(method, list(params), {"Authorization": f"Session {self._session}"})

    def _ask(self, method: str, params: list[Any], headers: dict[str, str]) -> Any:
        body = {"id": 1, "method": method, "params": params}
        answer = httpx.post(f"{self.url}/{self.database}/rpc/", json=body, headers=headers, timeout=60).json()
        assert not answer.get("error"), answer["error"]
        return answer["result"]

    def pay(self, invoice: int, amount: str, *, partly: bool = False) -> None:
        context = self.call("model.res.user.get_preferences", True, {})
        method = self.find("account.invoice.payment.method", [], "id")[0]["id"]
        [session, *_] = self.call("wizard.account.invoice.pay.create", context)
        acting = {**context, "active_model": "account.invoice", "active_id": invoice, "active_ids": [invoice]}
        shown = self.call("wizard.account.invoice.pay.execute", session, {}, "start", acting)["view"]["defaults"]
        start = {name: value for name, value in shown.items() if not name.endswith(".")}
        start |= {"amount": {"__class__": "Decimal", "decimal": amount}, "payment_method": method}
        asked = self.call("wizard.account.invoice.pay.execute", session, {"start": start}, "choice", acting)
        if partly:
            ask = {name: value for name, value in asked["view"]["defaults"].items() if not name.endswith(".")}
            ask["type"] = "partial"
            self.call("wizard.account.invoice.pay.execute", session, {"start": start, "ask": ask}, "pay", acting)


def _coded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@dataclass
class Server:
    """A running Tryton server; `database` hands out one of the fresh copies of the filled one."""

    url: str
    key: str
    fresh: list[str]

    def database(self) -> Erp:
        return Erp(self.url, self.fresh.pop(0), self.key)


@contextmanager
def running(home: Path) -> Iterator[Server]:
    """A server on a free port over a folder of its own, until the end of the block."""
    with tempfile.TemporaryDirectory() as place:
        port, databases = free_port(), Path(place) / "db"
        databases.mkdir()
        settings = f"[database]\nuri = sqlite:///\npath = {databases}\n[web]\nlisten = 127.0.0.1:{port}\n[request]\ntimeout = 0\n"
        (Path(place) / "tryton.cfg").write_text(settings)
        fresh = [f"erp{number}" for number in range(COPIES)]  # all at once: the server looks for new ones rarely
        for name in fresh:
            shutil.copy(home / "erp.pristine.sqlite", databases / f"{name}.sqlite")
        server = Server(f"http://127.0.0.1:{port}", (home / "rest.key").read_text(), fresh)
        command = [home / "venv" / "bin" / "trytond", "-c", Path(place) / "tryton.cfg", "-d", fresh[0]]
        with (Path(place) / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
            try:
                _wait(server.url, process)
                yield server
            finally:
                process.kill()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    asked = {"id": 1, "method": "common.server.version", "params": []}
    for _ in range(300):
        try:
            if httpx.post(f"{url}/rpc/", json=asked, timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
        assert process.poll() is None, "Tryton ended at once"
    raise AssertionError("Tryton does not answer")
