"""HTTPS: the connection goes to an address that was looked at, and TLS proves the name in the URL."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from crmcore.platform.webhooks import Guard, Target
from crmcore.platform.webhooks.sending import Sender
from tests.webhooks.receiver import receiving

OPENSSL = shutil.which("openssl")


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for hook.example, and its key."""
    if OPENSSL is None:
        pytest.skip("openssl makes the certificate")
    made, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [OPENSSL, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=hook.example", "-addext", "subjectAltName=DNS:hook.example", "-keyout", key, "-out", made],
        check=True, capture_output=True,
    )  # fmt: skip
    return made, key


async def local(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


async def test_the_name_is_proven_and_the_address_is_the_one_looked_at(certificate):
    made, key = certificate
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(made, key)
    asked: list[str | None] = []
    server.sni_callback = lambda _connection, name, _context: asked.append(name)
    trusted = ssl.create_default_context(cafile=str(made))
    async with receiving(tls=server) as receiver:
        sender = Sender(Guard(["127.0.0.1/32"], local), trusted)
        good = await sender.post(Target.of(f"https://hook.example:{receiver.port}/x?y"), {"webhook-id": "m"}, b"{}")
        assert (good.code, good.problem, good.body) == (200, None, "ok")
        assert asked == ["hook.example"]
        assert receiver.messages[0].headers["host"] == f"hook.example:{receiver.port}"
        assert receiver.messages[0].path == "/x?y"
        other = await sender.post(Target.of(f"https://other.example:{receiver.port}/"), {}, b"{}")
        assert other.problem is not None
        assert other.problem.startswith("No connection: the certificate is not valid (Hostname mismatch")
        await sender.close()
        stranger = Sender(Guard(["127.0.0.1/32"], local))
        unknown = await stranger.post(Target.of(f"https://hook.example:{receiver.port}/"), {}, b"{}")
        assert "the certificate is not valid (self-signed certificate" in (unknown.problem or "")
        await stranger.close()
        strict = Sender(Guard((), local), trusted)
        inside = await strict.post(Target.of(f"https://hook.example:{receiver.port}/"), {}, b"{}")
        assert inside.problem == "hook.example is not on the public internet: nothing is sent there."
        await strict.close()
        assert len(receiver.messages) == 1


async def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with receiving() as receiver:
        sender = Sender(Guard(["127.0.0.1/32"]))
        assert (await sender.post(Target.of(receiver.url), {}, b"{}")).code == 200
        await sender.close()
