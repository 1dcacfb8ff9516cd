"""One attempt: a message goes to where the guard lets it go, and the receiver's answer is a status."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import Any, Final

import certifi
import httpcore

from crmcore.platform.webhooks.addresses import AddressRefused, Guard, Target
from crmcore.platform.webhooks.answers import Answer

SECONDS: Final = 15
"""How long an attempt may take, name lookup included."""

_BODY_SECONDS: Final = 2
_BODY_BYTES: Final = 65_536
_SHOWN_BYTES: Final = 500
_CONNECTIONS: Final = 500


class Sender:
    """Sends messages. It keeps connections; `close` gives them back."""

    def __init__(self, guard: Guard, context: ssl.SSLContext | None = None) -> None:
        context = context or trusted()
        self._pools = {
            secure: httpcore.AsyncConnectionPool(
                ssl_context=context,
                max_connections=_CONNECTIONS,
                keepalive_expiry=30,
                network_backend=Guarded(guard, secure=secure),
            )
            for secure in (True, False)
        }

    async def post(self, target: Target, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a message once. Never raises but when it is cancelled."""
        begun = perf_counter()

        def answer(code: int | None, problem: str | None, **more: str) -> Answer:
            return Answer(code, problem, int((perf_counter() - begun) * 1000), **more)

        try:
            async with asyncio.timeout(SECONDS):
                code, retry_after, text = await self._exchange(target, headers, body)
        except AddressRefused as refused:
            return answer(None, str(refused))
        except (TimeoutError, httpcore.TimeoutException):
            return answer(None, f"No answer within {SECONDS} s.")
        except (httpcore.ConnectError, OSError) as error:
            return answer(None, f"No connection: {_cause(error)}.")
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            return answer(None, f"The answer could not be read: {_cause(error)}.")
        return answer(code, _problem(code), body=text, retry_after=retry_after)

    async def _exchange(self, target: Target, headers: Mapping[str, str], body: bytes) -> tuple[int, str, str]:
        url = httpcore.URL(
            scheme=b"https" if target.secure else b"http",
            host=target.host.encode(),
            port=target.port,
            target=target.path.encode(),
        )
        sent = {"Host": target.authority, "Content-Length": str(len(body)), **headers}
        pairs = [(name.encode(), text.encode()) for name, text in sent.items()]
        async with self._pools[target.secure].stream("POST", url, headers=pairs, content=body) as response:
            told = dict(response.headers)
            wish = next((text for name, text in told.items() if name.lower() == b"retry-after"), b"")
            return response.status, wish.decode("latin-1"), await _beginning(response)

    async def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            await pool.aclose()


async def _beginning(response: httpcore.Response) -> str:
    """The beginning of the body. The status counts: whatever the body does, it does not undo it."""
    read = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in response.aiter_stream():
                read += chunk
                if len(read) > _BODY_BYTES:
                    break
    except (TimeoutError, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        pass
    return bytes(read[:_SHOWN_BYTES]).decode("utf-8", "replace").replace("\0", "")


class Guarded(httpcore.AsyncNetworkBackend):
    """Connects to addresses that the guard has looked at. The name is left to TLS, which proves it."""

    def __init__(self, guard: Guard, *, secure: bool) -> None:
        self._guard = guard
        self._secure = secure
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        *others, last = await self._guard.addresses(host, port, secure=self._secure)
        for address in others:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError:
                continue
        return await self._inner.connect_tcp(last, port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def _problem(code: int) -> str | None:
    if 200 <= code < 300:
        return None
    if 300 <= code < 400:
        return f"The receiver answered {code}: redirects are not followed."
    return f"The receiver answered {code}."


def _cause(error: Exception) -> str:
    """What went wrong, without a word that the receiver chose."""
    if isinstance(error, httpcore.ProtocolError):
        return "it is no HTTP"
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLCertVerificationError):
            return f"the certificate is not valid ({found.verify_message.split(',')[0]})"[:200]
        if isinstance(found, ssl.SSLError):
            return "TLS failed"
        if isinstance(found, ConnectionRefusedError):
            return "refused"
        found = found.__cause__ or found.__context__
    return (
        "lost"
        if isinstance(error, httpcore.NetworkError) and not isinstance(error, httpcore.ConnectError)
        else "failed"
    )


def trusted() -> ssl.SSLContext:
    """The usual authorities, and those that the system trusts beside them."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    return context
