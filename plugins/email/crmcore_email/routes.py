"""What is answered to the world: recipients, their mail programs, and the reports of mail servers."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any, Final
from urllib.parse import parse_qs, quote

from crmcore.errors import BadInput
from crmcore.plugins import BadSignature, Crm, Route, WebRequest, WebResponse
from crmcore_email import mailgun, outcomes, pages, tracking
from crmcore_email.links import message_in, opened
from crmcore_email.reports import read_reports

_AS_IT_IS: Final = "%/:=&?~#+!$,;'@()*[]"
_ONE_CLICK: Final = "One-Click"
WINDOW: Final = timedelta(minutes=5)


def routes() -> list[Route]:
    """All of them."""
    return [
        Route("unsubscribe/{token}", unsubscribe, ("GET", "POST")),
        Route("open/{token}", pixel),
        Route("click/{token}", click),
        Route("dsn/{token}", delivery_report, ("POST",)),
        Route("mailgun/{token}", mailgun_event, ("POST",)),
    ]


async def unsubscribe(crm: Crm, request: WebRequest) -> WebResponse:
    """RFC 8058: a POST with List-Unsubscribe=One-Click is enough, without cookies and without a question; a GET, which
    programs send to any link, only asks."""
    found = await opened(crm, request.path_params["token"], "u")
    message = await tracking.read(found[0], message_in(found[1], "u")) if found else None
    if found is None or message is None:
        return pages.unknown()
    if request.method != "POST":
        return pages.ask_to_leave(message["address"] or "")
    if _field(request, "List-Unsubscribe") != _ONE_CLICK:
        raise BadInput("POST List-Unsubscribe=One-Click.")
    await tracking.left(found[0], message)
    return pages.has_left()


async def pixel(crm: Crm, request: WebRequest) -> WebResponse:
    """The image at the end of a mail: whatever is wrong, it is an image."""
    found = await opened(crm, request.path_params["token"], "o")
    if found is not None and request.method == "GET":
        own, said = found
        message = await tracking.read(own, message_in(said, "o"))
        if message is not None:
            await tracking.saw(own, message, program=tracking.is_program(request, message, own.now()))
    return WebResponse(pages.PIXEL, 200, {"cache-control": "no-store, private"}, "image/gif")


async def click(crm: Crm, request: WebRequest) -> WebResponse:
    """On to where a link in a mail leads: only to what stands in the campaign's list."""
    found = await opened(crm, request.path_params["token"], "c")
    message = await tracking.read(found[0], message_in(found[1], "c")) if found else None
    links = message["campaign"]["links"] or () if message and message["campaign"] else ()
    if found is None or message is None or not 0 <= found[1]["n"] < len(links):
        return pages.unknown()
    url: str = links[found[1]["n"]]
    if request.method == "GET":
        program = tracking.is_program(request, message, found[0].now())
        await tracking.followed(found[0], message, url, program=program)
    return WebResponse(
        "", 302, {"location": quote(url, safe=_AS_IT_IS), "cache-control": "no-store", "referrer-policy": "no-referrer"}
    )


async def delivery_report(crm: Crm, request: WebRequest) -> WebResponse:
    """A mail that came to the return path, as it came: whoever knows this address may post it."""
    found = await opened(crm, request.path_params["token"], "e")
    if found is None or found[1]["e"] != "dsn":
        return pages.unknown()
    reports = await crm.in_thread(read_reports, request.body)
    known = [await outcomes.apply(found[0], report) for report in reports]
    return WebResponse.json({"reports": len(reports), "known": sum(known)})


async def mailgun_event(crm: Crm, request: WebRequest) -> WebResponse:
    """An event of Mailgun's, signed with its key. It is taken once, however often it is sent."""
    found = await opened(crm, request.path_params["token"], "e")
    if found is None or found[1]["e"] != "mailgun":
        return pages.unknown()
    own = found[0]
    body: Any = request.json()
    signature = body.get("signature") if isinstance(body, dict) else None
    key = (await own.settings()).mailgun_key.get_secret_value()
    token = _signed(signature, key, own.now().timestamp())
    if await own.store.get(f"mailgun/{token}") is not None:
        return WebResponse.json({"known": 0, "repeated": True})
    report = mailgun.report_of(body.get("event-data"))
    done = report is not None and await outcomes.apply(own, report)
    await own.store.put(f"mailgun/{token}", own.now().isoformat())
    return WebResponse.json({"known": int(done)})


def _signed(signature: Any, key: str, now: float) -> str:
    """The token of a message that Mailgun has signed just now. BadSignature for any other."""
    held = signature if isinstance(signature, dict) else {}
    stamp, token, given = (str(held.get(name, "")) for name in ("timestamp", "token", "signature"))
    wanted = hmac.new(key.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    fresh = stamp.isascii() and stamp.isdigit() and len(stamp) < 13 and abs(now - int(stamp)) <= WINDOW.total_seconds()
    if (
        not key
        or not token
        or len(token) > 100
        or not fresh
        or not hmac.compare_digest(wanted.encode(), given.encode())
    ):
        raise BadSignature("The signature is missing, wrong, or too old.")
    return token


def _field(request: WebRequest, name: str) -> str:
    """A field of a form, sent in either way that forms are."""
    kind = request.headers.get("content-type", "application/x-www-form-urlencoded")
    if kind.lower().startswith("multipart/form-data"):
        mail = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + request.body, policy=default)
        for part in mail.iter_parts() if mail.is_multipart() else ():
            if part.get_param("name", header="content-disposition") == name:
                return str(part.get_content()).strip()
        return ""
    return next(iter(parse_qs(request.body[:1000].decode("ascii", "replace")).get(name, [])), "").strip()


async def forget(crm: Crm, run: Any) -> None:
    """Tokens of Mailgun that are older than their window need not be known any more."""
    for key, at in (await crm.store.items("mailgun/")).items():
        if str(at) < (crm.now() - 2 * WINDOW).isoformat():
            await crm.store.delete(key)
