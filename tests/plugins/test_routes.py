"""What plugins answer at /plugins/<id>/: routes as they declare them, and nothing leaks when they fail."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from crmcore.errors import BadInput
from crmcore.kit import times
from crmcore.plugins import (
    BadSignature,
    Crm,
    Headers,
    Manifest,
    Plugins,
    Route,
    WebRequest,
    WebResponse,
    hookimpl,
    signed,
    signed_plainly,
    verify_signature,
)
from crmcore.plugins.crm import crm_in
from crmcore.plugins.discovery import Candidate
from tests.fixtures import open_crm

SECRET = "whsec_" + "c2VjcmV0c2VjcmV0c2VjcmV0"


async def echo(crm: Crm, request: WebRequest) -> WebResponse:
    told = {
        "method": request.method, "path": request.path, "params": dict(request.path_params),
        "tags": request.query.all("tag"), "agent": request.headers.get("X-Agent"),
        "body": request.body.decode("latin-1"),
    }  # fmt: skip
    return WebResponse.json(told, headers={"X-Own": "yes"})


async def answered(crm: Crm, request: WebRequest) -> WebResponse:
    """A page whose link carries the tenant, and which changes something only by POST."""
    found = await crm.unseal(request.path_params["token"])
    if found is None:
        return WebResponse("This link is no longer valid.", 410)
    own, data = found
    if request.method == "POST":
        await own.store.put(data["who"], {"score": int(request.form()["score"]), "all": request.form().all("why")})
        return WebResponse.redirect(own.url("thanks"))
    return WebResponse(f"<p>Hello {data['who']}</p>")


async def signed_hook(crm: Crm, request: WebRequest) -> WebResponse:
    verify_signature(request, SECRET, now=crm.now())
    return WebResponse.json({"got": request.json()})


async def raises(crm: Crm, request: WebRequest) -> WebResponse:
    raise RuntimeError("secret: hunter2")


async def hangs(crm: Crm, request: WebRequest) -> WebResponse:
    await asyncio.sleep(60)
    return WebResponse()


async def odd(crm: Crm, request: WebRequest) -> Any:
    return {"not": "a response"}


async def split(crm: Crm, request: WebRequest) -> WebResponse:
    return WebResponse("x", headers={"X-Bad": "a\r\nSet-Cookie: b"})


class Door:
    meta = Manifest(id="door", title="Door", description="Answers.", api=">=0.1,<1", version="1.0")

    @hookimpl
    def crm_routes(self) -> list[Route]:
        return [
            Route("", echo),
            Route("echo/{name}", echo, methods=("GET", "PUT")),
            Route("echo/fixed", echo, methods=("DELETE",)),
            Route("answers/{token}", answered, methods=("GET", "POST")),
            Route("hook", signed_hook, methods=("POST",)),
            Route("raises", raises), Route("hangs", hangs, timeout=0.05), Route("odd", odd), Route("split", split),
        ]  # fmt: skip


async def test_routes_answer_as_they_are_declared(database_url: str):
    plugins = Plugins([Candidate("door", "test", lambda: Door)])
    async with open_crm(database_url, plugins, public_url="https://crm.example/base", max_body_bytes=2000) as crm:
        http = crm.client
        at = "/plugins/door"

        got = await http.get(f"{at}/echo/a%20b?tag=1&tag=2", headers={"X-AGENT": "me"})
        assert got.status_code == 200
        assert got.json() == {
            "method": "GET", "path": "echo/a b", "params": {"name": "a b"}, "tags": ["1", "2"], "agent": "me", "body": "",
        }  # fmt: skip
        assert got.headers["x-own"] == "yes"
        assert got.headers["cache-control"] == "no-store"
        assert "x-request-id" in got.headers
        assert (await http.put(f"{at}/echo/x", content=b"\x00\xff")).json()["body"] == "\x00\xff", (
            "the bytes as they came"
        )
        assert (await http.delete(f"{at}/echo/fixed")).json()["params"] == {}
        assert (await http.get(at)).json()["path"] == ""
        head = await http.head(f"{at}/echo/x")
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) > 50

        refused = await http.post(f"{at}/echo/x")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, PUT")
        assert refused.json()["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"
        for path in (f"{at}/nothing", f"{at}/echo", f"{at}/echo/a/b", "/plugins/nobody/echo/a", "/plugins"):
            assert (await http.get(path)).status_code == 404, path
        assert (await http.put(f"{at}/echo/x", content=b"x" * 2001)).status_code == 413

        # A sealed link leads to its tenant, is no good when changed or late, and changes nothing by GET.
        own = crm_in(crm.crm.backing, "door", crm.tenant)
        token = own.seal({"who": "Ann"}, expires=own.now() + timedelta(hours=1))
        page = await http.get(f"{at}/answers/{token}", headers={"authorization": ""})
        assert (page.status_code, page.text) == (200, "<p>Hello Ann</p>")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert await own.store.items() == {}
        sent = await http.post(f"{at}/answers/{token}", data={"score": "9", "why": ["a", "ü"]})
        assert (sent.status_code, sent.headers["location"]) == (303, "https://crm.example/base/plugins/door/thanks")
        assert await own.store.items() == {"Ann": {"score": 9, "all": ["a", "ü"]}}
        late = own.seal({"who": "Ann"}, expires=own.now() - timedelta(seconds=1))
        for bad in (late, token[:-2] + ("AA" if token[-2:] != "AA" else "BB"), "x", "%C3%BC"):
            assert (await http.get(f"{at}/answers/{bad}")).status_code == 410
        wrong = await http.post(f"{at}/answers/{token}", json={"score": 9})
        assert (wrong.status_code, wrong.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")

        # A signed message is taken once it is the sender's and fresh.
        body = b'{"bounced": ["a@b.example"]}'
        good = signed(body, SECRET, id="msg_1", at=own.now())
        assert (await http.post(f"{at}/hook", content=body, headers=good)).json() == {
            "got": {"bounced": ["a@b.example"]}
        }
        old = signed(body, SECRET, id="msg_1", at=own.now() - timedelta(minutes=6))
        for headers, content in ((old, body), (good, body + b" "), ({}, body)):
            refused = await http.post(f"{at}/hook", content=content, headers=headers)
            assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")

        # What fails says whose fault it is, and nothing else.
        for path in ("raises", "hangs", "odd", "split"):
            failed = await http.get(f"{at}/{path}")
            assert failed.status_code == 502, path
            [error] = failed.json()["errors"]
            assert error["message"] == "The plugin door failed."
            assert error["extensions"]["plugin"] == "door"
            assert "hunter2" not in failed.text
            assert "set-cookie" not in failed.headers
        assert (await http.get("/livez")).status_code == 200


async def test_routes_that_are_no_good_keep_the_plugin_out():
    class Bad(Door):
        @hookimpl
        def crm_routes(self) -> list[Route]:
            return [
                Route("a b", echo),
                Route("x", echo, methods=("FETCH",)),
                Route("{a}/y", echo),
                Route("{b}/y", echo),
            ]

    [listed] = Plugins([Candidate("door", "test", lambda: Bad)]).listing()
    said = " ".join(listed.problems)
    assert listed.state == "FAILED"
    for part in ("route 'a b'", "methods is a list", "route GET '{b}/y' is there twice"):
        assert part in said


def test_signatures_of_several_kinds():
    body, now = b"{}", times.now()
    standard = WebRequest("POST", "hook", headers=Headers(signed(body, SECRET, id="m", at=now).items()), body=body)
    verify_signature(standard, ["whsec_b3RoZXI=", SECRET], now=now)
    plain = WebRequest(
        "POST", "hook", headers=Headers([("X-Hub", "sha256=" + signed_plainly(body, "k").upper())]), body=body
    )
    verify_signature(plain, "k", header="x-hub")
    for request, secret, header in (
        (plain, "other", "x-hub"),
        (plain, "", "x-hub"),
        (plain, SECRET, ""),
        (standard, [], ""),
    ):
        with pytest.raises(BadSignature):
            verify_signature(request, secret, header=header, now=now)
    with pytest.raises(BadSignature):
        verify_signature(standard, "no base64!", now=now)
    with pytest.raises(BadInput):
        WebRequest("POST", "x", body=b"\xff").text()
