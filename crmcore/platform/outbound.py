"""Requests to the world outside, by names that are allowed and addresses that are looked at.

Every hop of a redirect passes here too, and a connection goes to an address that was looked at: what the name says a
moment later does not count.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from fnmatch import fnmatchcase
from typing import Any, Final

import httpcore
import httpx

from crmcore.platform.webhooks.addresses import AddressRefused, Guard
from crmcore.platform.webhooks.sending import Guarded, trusted

SECONDS: Final = 10.0
"""How long a request may take, answer included."""

_CONNECTIONS: Final = 50
log = logging.getLogger("crmcore.plugins")


class HostRefused(httpx.RequestError):
    """The plugin may not send there: its manifest does not name the host, or the address is none of the public."""


def matches(host: str, allowed: Iterable[str]) -> bool:
    """Whether a host is one of these names, of which `*.example.com` means all below it."""
    host = host.lower().rstrip(".")
    return any(fnmatchcase(host, name.lower()) for name in allowed)


class Outbound(httpx.AsyncBaseTransport):
    """What a plugin's client sends with. `hosts` says where to, at the moment of sending."""

    def __init__(
        self,
        owner: str,
        pools: Pools,
        hosts: Callable[[], Awaitable[Collection[str]]],
        mocked: Callable[[str], httpx.AsyncBaseTransport | None],
    ) -> None:
        self._owner, self._pools, self._hosts, self._mocked = owner, pools, hosts, mocked

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        if not matches(host, await self._hosts()):
            raise HostRefused(
                f"Plugin {self._owner} may not reach {host}: name it in the manifest's outbound_hosts.", request=request
            )
        if (instead := self._mocked(host)) is not None:
            return await instead.handle_async_request(request)
        deadline = asyncio.get_running_loop().time() + SECONDS
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._pools.transport(request.url.scheme).handle_async_request(request)
        except TimeoutError:
            raise httpx.ReadTimeout(f"No answer within {SECONDS:g} s.", request=request) from None
        except AddressRefused as refused:
            raise HostRefused(str(refused), request=request) from None
        log.debug("plugin %s: %s %s: %d", self._owner, request.method, host, response.status_code)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _InTime(response.stream, deadline, request)
        return response


class _InTime(httpx.AsyncByteStream):
    """An answer's body, which must be there before the deadline."""

    def __init__(self, inner: httpx.AsyncByteStream, deadline: float, request: httpx.Request) -> None:
        self._inner, self._deadline, self._request = inner, deadline, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = aiter(self._inner)
        while True:
            try:
                async with asyncio.timeout_at(self._deadline):
                    part = await anext(parts)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise httpx.ReadTimeout(f"No whole answer within {SECONDS:g} s.", request=self._request) from None
            yield part

    async def aclose(self) -> None:
        await self._inner.aclose()


class Pools:
    """The connections of one plugin, secure and plain."""

    def __init__(self, guard: Guard, context: ssl.SSLContext | None = None) -> None:
        self._guard = guard
        self._context = context
        self._made: dict[bool, _Transport] = {}

    def transport(self, scheme: str) -> httpx.AsyncBaseTransport:
        """Sends by this scheme."""
        secure = scheme == "https"
        if secure not in self._made:
            if self._context is None:
                self._context = trusted()
            self._made[secure] = _Transport(self._guard, self._context, secure=secure)
        return self._made[secure]

    async def close(self) -> None:
        for made in self._made.values():
            await made.aclose()


class _Transport(httpx.AsyncHTTPTransport):
    """httpx's own, on connections that the guard has looked at."""

    def __init__(self, guard: Guard, context: ssl.SSLContext, *, secure: bool) -> None:
        super().__init__(verify=context, trust_env=False)
        self._pool: Any = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=_CONNECTIONS,
            keepalive_expiry=30,
            network_backend=Guarded(guard, secure=secure),
        )
