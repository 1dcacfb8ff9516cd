"""How Tryton is spoken to: REST with a bearer key, JSON-RPC where a write has to be locked.

REST does not see that a record was changed meanwhile; JSON-RPC does, with the record's `_timestamp`, but needs a login.
"""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import httpx
import orjson

from crmcore_erp.adapter import ErpError, Missing, Refused, Stale, Unauthorized, Unreachable

CHUNK: Final = 200
"""How many ids are asked for at once."""

Domain = list[Any]
Values = Mapping[str, Any]
_MARKUP: Final = re.compile(r"<[^>]+>|\s+")


def packed(value: Any) -> Any:
    """A value as Tryton's JSON writes it."""
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if isinstance(value, datetime):
        at = value.astimezone(UTC)
        names = ("year", "month", "day", "hour", "minute", "second", "microsecond")
        return {"__class__": "datetime", **{name: getattr(at, name) for name in names}}
    if isinstance(value, date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    if isinstance(value, Mapping):
        return {key: packed(one) for key, one in value.items()}
    return [packed(one) for one in value] if isinstance(value, list | tuple) else value


def unpacked(value: Any) -> Any:
    """The value that Tryton's JSON stands for; times are in UTC."""
    if isinstance(value, list):
        return [unpacked(one) for one in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("__class__")
    rest = {key: one for key, one in value.items() if key != "__class__"}
    if kind == "Decimal":
        return Decimal(rest["decimal"])
    if kind == "datetime":
        return datetime(**rest, tzinfo=UTC)
    if kind == "date":
        return date(**rest)
    return {key: unpacked(one) for key, one in value.items()}


class Wire:
    """A database of a Tryton server: `url` is the server's, like http://127.0.0.1:8000."""

    def __init__(
        self, http: httpx.AsyncClient, url: str, database: str, key: str, *, user: str = "", password: str = ""
    ) -> None:
        self._http, self._server, self._key = http, url.rstrip("/"), key
        self._base = f"{self._server}/{database}"
        self._user, self._password = user, password
        self._session = ""
        self._context: dict[str, Any] = {}

    @property
    def locks(self) -> bool:
        """Whether writes can be locked."""
        return bool(self._user and self._password)

    def act_for(self, company: int) -> None:
        """Work for this company from now on: without one Tryton shows no prices and saves no orders."""
        self._context = {"company": company, "companies": [company]}

    async def search(
        self,
        model: str,
        domain: Domain,
        fields: Collection[str],
        *,
        order: Sequence[tuple[str, str]] = (),
        limit: int | None = None,
        context: Values | None = None,
    ) -> list[dict[str, Any]]:
        """The records that fit, archived ones too, with these fields; dotted ones reach into what they name."""
        params: list[tuple[str, str]] = [("d", _coded(packed(domain)))]
        params += [("o", _coded([list(one) for one in order]))] if order else []
        params += [("s", str(limit))] if limit else []
        params += [("f", one) for one in fields]
        return list(unpacked(await self._rest("GET", model, params=params, context=context)))

    async def by_ids(
        self, model: str, ids: Collection[str], fields: Collection[str], context: Values | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """The records with these ids that are there, in chunks."""
        wanted = sorted({int(one) for one in ids if one.isdecimal()})
        for start in range(0, len(wanted), CHUNK):
            chunk = wanted[start : start + CHUNK]
            for row in await self.search(model, [["id", "in", chunk]], fields, context=context):
                yield row

    async def create(self, model: str, values: Values) -> int:
        """A new record's id."""
        return int((await self._rest("POST", model, body=packed(values)))["id"])

    async def update(self, model: str, id: int, values: Values) -> None:
        await self._rest("PUT", f"{model}/{id}", body=packed(values))

    async def update_locked(self, model: str, id: int, values: Values, stamp: str) -> None:
        """Like `update`, but Stale if the record has another `_timestamp` by now."""
        await self.call(f"model.{model}.write", [[id], packed(values)], {"_timestamp": {f"{model},{id}": stamp}})

    async def press(self, model: str, id: int, button: str) -> None:
        """What a user does by a button: quote, confirm, process."""
        await self._rest("POST", f"{model}/{id}/{button}", body={})

    async def call(self, method: str, params: Sequence[Any], context: Values | None = None) -> Any:
        """A JSON-RPC call in a session of the user."""
        sent = _asked(method, [*params, {**self._context, **(context or {})}])
        if self._session:
            try:
                return unpacked(_told(await self._send("POST", f"{self._base}/rpc/", self._acting, sent)))
            except Unauthorized:  # the session has ended: the next one may do it
                self._session = ""
        await self._log_in()
        return unpacked(_told(await self._send("POST", f"{self._base}/rpc/", self._acting, sent)))

    @property
    def _acting(self) -> dict[str, str]:
        return {"Authorization": f"Session {self._session}"}

    async def version(self) -> str:
        """The server's version; the first question to an address."""
        answer = await self._send("POST", f"{self._server}/rpc/", {}, _asked("common.server.version", []))
        return str(_told(answer))

    async def _log_in(self) -> None:
        asked = _asked("common.db.login", [self._user, {"password": self._password}, "en"])
        user, token = _told(await self._send("POST", f"{self._base}/rpc/", {}, asked))[:2]
        self._session = base64.b64encode(f"{self._user}:{user}:{token}".encode()).decode()

    async def _rest(
        self,
        method: str,
        path: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        body: Any = None,
        context: Values | None = None,
    ) -> Any:
        acting = {**self._context, "active_test": False, **(context or {})}
        headers = {"Authorization": f"bearer {self._key}", "X-Tryton-Context": _coded(packed(acting))}
        answer = await self._send(method, f"{self._base}/rest/model/{path}", headers, body, params)
        return orjson.loads(answer.content) if answer.content else None

    async def _send(
        self, method: str, url: str, headers: Values, body: Any, params: Sequence[tuple[str, str]] = ()
    ) -> httpx.Response:
        content = None if body is None else orjson.dumps(body)
        own = {**headers, "Content-Type": "application/json", "Accept-Language": "en"}
        try:
            answer = await self._http.request(method, url, params=list(params), content=content, headers=own)
        except httpx.HTTPError as error:
            raise Unreachable(f"The ERP did not answer: {type(error).__name__} {error}".strip()) from error
        if answer.status_code >= 400:
            raise _fault(answer)
        return answer


def _coded(value: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode()


def _asked(method: str, params: Sequence[Any]) -> dict[str, Any]:
    return {"id": 1, "method": method, "params": list(params)}


def _told(answer: httpx.Response) -> Any:
    """The result of a call; its errors come with status 200."""
    body = orjson.loads(answer.content)
    error = body.get("error")
    if not error:
        return body.get("result")
    name, said = str(error[0]), " ".join(str(part) for part in error[1:] if part)
    if "Concurrency" in name:
        raise Stale("Somebody changed it in the ERP meanwhile.")
    raise Refused(said or name)


def _fault(answer: httpx.Response) -> ErpError:
    """What an answer that is none means."""
    said = _said(answer)
    status = answer.status_code
    if status in (401, 403):
        return Unauthorized(f"The ERP does not accept the key, or its user may not do this: {said}")
    if status == 404:
        return Missing(f"The ERP has no such record: {answer.request.url.path}")
    if status in (409, 423):
        return Stale(said)
    if status == 429 or status >= 500:
        pause = answer.headers.get("Retry-After", "")
        wait = timedelta(seconds=int(pause)) if pause.isdecimal() else None
        return Unreachable(f"The ERP answered with {status}: {said}", wait)
    return Refused(said)


def _said(answer: httpx.Response) -> str:
    try:
        body = orjson.loads(answer.content)
        text = str(body.get("message") or body)
    except (orjson.JSONDecodeError, AttributeError):
        text = _MARKUP.sub(" ", answer.text)
    return " ".join(text.split())[:500] or f"status {answer.status_code}"
