"""What the commands do and print, and what they say when the user is mistaken: one line, never a traceback."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

import crmcore as package
from tests.command_line import MAPPINGS, asked, crmcore


@pytest.fixture
def file_url(tmp_path: Path) -> str:
    """An SQLite database that is not there yet."""
    return f"sqlite:///{tmp_path}/new.db"


def said(url: str, *arguments) -> str:
    """What a command says on stderr when it refuses; it must end with 1 and print nothing else."""
    result = crmcore(url, *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Traceback" not in result.stderr
    return result.stderr


def test_migrate_then_doctor(empty_database_url: str):
    report = asked(empty_database_url, "migrate")
    assert report["applied"][0] == "core.0001_initial"
    assert report["differences"] == []
    assert asked(empty_database_url, "migrate")["applied"] == []
    findings = {finding["name"]: finding for finding in asked(empty_database_url, "doctor")}
    assert all(finding["ok"] for finding in findings.values()), findings
    assert findings["crmcore"]["found"] == package.__version__
    assert findings["migrations"]["found"] == "none wait"
    assert findings["schema"]["found"] == "as the models say"
    assert findings.keys() >= {"Python", "database", "encoding", "secret"}


def test_migrate_back_and_forth(file_url: str):
    asked(file_url, "migrate")
    for form in ([], ["--json"]):
        refused = said(file_url, "migrate", "--to", "core.zero", *form)
        assert "drops tables that hold rows: " in refused
        assert "Say --yes to drop them." in refused
    undone = asked(file_url, "migrate", "--to", "core.zero", "--yes")
    assert (undone["reverted"][-1], Path(undone["backup"]).exists()) == ("core.0001_initial", True)
    assert "core.0001_initial, core.0002_timeline" in said(file_url, "token", "create")
    assert asked(file_url, "migrate", "--to", "core.0001_initial")["applied"] == ["core.0001_initial"]


def test_doctor_says_what_to_do(file_url: str):
    result = crmcore(file_url, "doctor", "--json")
    assert result.exit_code == 1
    findings = {finding["name"]: finding for finding in json.loads(result.stdout)}
    assert findings["database"]["advice"] == "There is no such file yet: run crmcore migrate."
    assert not Path(file_url.removeprefix("sqlite:///")).exists()


def test_doctor_shows_no_password():
    result = crmcore("postgresql://anna:secret@127.0.0.1:1/crm", "doctor", "--json")
    assert result.exit_code == 1
    assert "secret@" not in result.stdout + result.stderr
    assert "postgresql://anna@127.0.0.1:1/crm" in result.stdout


def test_a_token_is_shown_once(database_url: str):
    made = asked(database_url, "token", "create", "--name", "phone app")
    assert made["name"] == "phone app"
    assert made["token"].startswith("crm_live_")
    assert asked(database_url, "token", "create", "--scope", "customer:read", "--scope", "*:write")["token"]
    assert "customer:reed" in said(database_url, "token", "create", "--scope", "customer:reed")
    plain = crmcore(database_url, "token", "create")
    assert plain.stdout.startswith("crm_live_")
    assert plain.stdout.count("\n") == 1


def test_the_schema_is_the_one_that_is_kept(file_url: str, tmp_path: Path):
    output = tmp_path / "schema.graphql"
    assert crmcore(file_url, "schema", "export", "--core", "--output", output).exit_code == 0
    assert output.read_text() == (Path(package.__file__).parents[1] / "schema.graphql").read_text()
    assert "No such file or directory" in said(file_url, "schema", "export", "-o", tmp_path / "no" / "where")


def test_plugins_are_listed(file_url: str):
    assert asked(file_url, "plugin", "list") == []


def test_version(file_url: str):
    assert crmcore(file_url, "--version").stdout == f"{package.__version__}\n"


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["migrate", "--to", "nothing"], "--to names an app and its migration"),
        (["migrate", "--to", "core.9999_x"], "has no migration"),
        (["migration", "make", "nobody"], "There is no app 'nobody'"),
        (["token", "create"], "Run crmcore migrate."),
        (["demo"], "Run crmcore migrate."),
        (["serve", "--port", "0"], "Run crmcore migrate."),
    ],
)
def test_mistakes_are_one_line(file_url: str, arguments: list[str], sentence: str):
    assert sentence in said(file_url, *arguments)


@pytest.mark.parametrize("arguments", [["migrate"], ["doctor"], ["migration", "make", "core"]])
def test_a_wrong_declaration_is_one_line(file_url: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch):
    sentence = "Deal.customer: a to-one may be deleted or not visible, so annotate it `Customer | None`."

    def derive(_shares):
        raise TypeError(sentence)

    monkeypatch.setattr("crmcore.app.derive", derive)
    result = crmcore(file_url, *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"error: {sentence}\n")


def test_mistakes_about_the_database(tmp_path: Path):
    assert "is no database crmcore knows" in said("mysql://x", "migrate")
    assert "PostgreSQL cannot be reached" in said("postgresql://127.0.0.1:1/x", "token", "create")
    assert said(f"sqlite:///{tmp_path}/no/where/crm.db", "migrate").startswith("error: ")
    (tmp_path / "text.db").write_text("this is no database, and it is long enough to be taken for one" * 100)
    assert said(f"sqlite:///{tmp_path}/text.db", "token", "create").startswith("error: ")


def test_mistakes_about_people_and_numbers(database_url: str):
    assert "There is no active user with the email address x@y.zz." in said(
        database_url, "token", "create", "--user", "x@y.zz"
    )
    assert "The scale must be above 0" in said(database_url, "demo", "--scale", "0")


def test_wrong_commands_end_with_two(file_url: str, tmp_path: Path):
    for arguments in (
        ["nonsense"],
        ["import"],
        ["import", tmp_path / "no.csv", "--map", "no.toml"],
        ["demo", "--seed", "x"],
    ):
        result = crmcore(file_url, *arguments)
        assert result.exit_code == 2
        assert "Traceback" not in result.stderr


def test_mistakes_about_files(database_url: str, tmp_path: Path):
    file = tmp_path / "agents.csv"
    mapping = MAPPINGS / "traps" / "agents.toml"
    for content, sentence in (
        (b"", "is empty: the first line must name the columns"),
        (b"agent,agent\n", "has two columns named 'agent'"),
        (b"agent;manager;region\n", "set delimiter in the mapping"),
        (b"agent,boss,region\n", "has no column 'manager'"),
        (b'agent,manager,region\n"a,b,c\n', "Is a quotation mark missing?"),
        (b"agent,manager,region\n\xff\xff\xff,b,c\n", "is neither UTF-8 (invalid start byte in line 2) nor GB18030"),
    ):
        file.write_bytes(content)
        assert sentence in said(database_url, "import", file, "--map", mapping)


# ---------------------------------------------------------------- serve: the real program


def start(url: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "CRMCORE_PLUGINS_ENABLED": "false"}
    return subprocess.Popen(
        [sys.executable, "-m", "crmcore.cli", "--database", url, "serve", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_serve_answers_and_ends_well(file_url: str, ending: signal.Signals):
    asked(file_url, "migrate")
    token = asked(file_url, "token", "create")["token"]
    server = start(file_url, "--port", "0")
    try:
        assert server.stdout is not None
        address = server.stdout.readline().split()[-1]
        for _ in range(100):
            try:
                ready = httpx.get(f"{address}/readyz")
                break
            except httpx.TransportError:
                time.sleep(0.05)
        assert ready.status_code == 200
        answer = httpx.post(
            f"{address}/graphql", json={"query": "{ customers { totalCount } }"},
            headers={"authorization": f"Bearer {token}"},
        )  # fmt: skip
        assert answer.json() == {"data": {"customers": {"totalCount": 0}}}
        server.send_signal(ending)
        _, errors = server.communicate(timeout=30)
        assert server.returncode == 0
        assert "Traceback" not in errors
        # The last connection was closed in order: nothing is left in the write-ahead log.
        assert not Path(f"{file_url.removeprefix('sqlite:///')}-wal").exists()
    finally:
        server.kill()
        server.communicate()


def test_serve_says_when_the_port_is_taken(file_url: str):
    asked(file_url, "migrate")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"Cannot listen on 127.0.0.1:{port}: Address already in use" in said(file_url, "serve", "--port", port)
