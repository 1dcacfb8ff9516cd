"""Plugins made of a few functions, for tests of what they may do wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from crmcore.plugins import Manifest, Plugins, hookimpl
from crmcore.plugins.discovery import Candidate
from tests.plugins.served import Client, served


def plugin(id: str, *hooks: Callable[..., Any], **meta: Any) -> Candidate:
    """A plugin with these hooks, each a function named like it that takes `self`."""
    said = {"title": id, "description": "A test.", "api": ">=0.1,<1", "version": "1.0", **meta}
    body = {hook.__name__: hookimpl(hook) for hook in hooks}
    return Candidate(id, "test", lambda: type("Plugin", (), {"meta": Manifest(id=id, **said), **body}))


@asynccontextmanager
async def with_plugins(url: str, *found: Candidate, **settings: Any) -> AsyncIterator[Client]:
    """A caller of an app with these plugins."""
    async with served(url, Plugins(found), **settings) as client:
        yield client
