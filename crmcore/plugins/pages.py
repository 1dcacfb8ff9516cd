"""What plugins answer by HTTP: the route of a request, called within its budget, and an answer that can be sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from crmcore.errors import ConfigError
from crmcore.platform.identity import DEFAULT_TENANT, find_tenant
from crmcore.plugins.backing import Backing
from crmcore.plugins.crm import crm_in
from crmcore.plugins.manager import Plugins
from crmcore.plugins.web import Route, WebRequest, WebResponse, chosen

_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_OURS: Final = frozenset({"connection", "content-length", "transfer-encoding", "upgrade", "x-request-id"})
_LARGEST: Final = 20_000_000


class Pages:
    """The routes of one app's plugins."""

    def __init__(self, plugins: Plugins, backing: Backing) -> None:
        self._backing = backing
        self._routes = {share.plugin: share.routes for share in plugins.contributions() if share.routes}
        self._tenant: UUID | None = None

    def find(self, plugin: str, method: str, path: str) -> tuple[Route, Mapping[str, str]] | set[str]:
        """The route of a request and what its names stand for; otherwise the methods that the path knows."""
        return chosen(self._routes.get(plugin, ()), method, path)

    async def answer(self, plugin: str, route: Route, request: WebRequest) -> WebResponse:
        """The route's answer. HookFault, or a refusal, if there is none."""
        crm = crm_in(self._backing, plugin, await self._default_tenant())
        crm.ctx.operation = f"plugin {plugin} {request.method} {route.path}"

        async def work() -> WebResponse:
            answer = await route.answer(crm, request)
            _check(answer)
            return answer

        return await self._backing.call(plugin, f"crm_routes {route.path}", route.timeout, work)

    async def _default_tenant(self) -> UUID:
        if self._tenant is None:
            self._tenant = await find_tenant(self._backing.db)
            if self._tenant is None:
                raise ConfigError(f"The tenant {DEFAULT_TENANT!r} is not there.")
        return self._tenant


def _check(answer: Any) -> None:
    """TypeError or ValueError for what is no answer that HTTP can carry."""
    if not isinstance(answer, WebResponse) or not isinstance(answer.body, str | bytes):
        raise TypeError(f"A route answers with a WebResponse of text or bytes, not with {type(answer).__name__}.")
    status: Any = answer.status
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise ValueError(f"A route answers with a status from 200 to 599, not {status!r}.")
    if len(answer.body) > _LARGEST:
        raise ValueError(f"A route answers with at most {_LARGEST:,} bytes.")
    for name, text in {**answer.headers, "Content-Type": answer.media_type}.items():
        if not _HEADER.fullmatch(name) or any(c in text for c in "\r\n\0") or not _is_latin(text):
            raise ValueError(f"{name!r} is no header that can be sent.")
        if name.lower() in _OURS:
            raise ValueError(f"{name} is the server's business.")


def _is_latin(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True
