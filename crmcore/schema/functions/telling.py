"""Subscriptions that a function tells: its values one by one, with the caller's token looked at in between."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any, Final

from crmcore.platform.calling import called
from crmcore.platform.context import Context
from crmcore.platform.steps import Steps
from crmcore.schema.following import Batch, Live
from crmcore.schema.resolving import Run

_END: Final = object()

Source = Callable[[Context], AsyncIterator[Any]]


async def tell(
    run: Run, plugin: str, said: str, source: Source, make: Callable[[Any], Any]
) -> AsyncGenerator[Batch | None, None]:
    """What `source` yields, without an end of ours; None now and then while it is silent.

    The source's context is its own; what the caller may see in it is brought up to date at every look at the token.
    """
    assert run.live is not None
    own = replace(run.ctx)
    told: Any = source(own)
    following = partial(called, own, plugin, said, partial(_next, told), guarded=False)
    async with aclosing(told), Steps(following) as steps:
        while True:
            done = await steps.wait(run.live.check_seconds)
            fresh = await _fresh(run.live, own)
            if not done:
                yield None
                continue
            value = steps.taken()
            if value is _END:
                return
            yield Batch(fresh, [make(value)])


async def _fresh(live: Live, own: Context) -> Context:
    """A context for what is told now; Unauthenticated ends the stream."""
    fresh = await live.session.context()
    own.policy = fresh.policy
    return fresh


async def _next(values: Any) -> Any:
    try:
        return await values.__anext__()
    except StopAsyncIteration:
        return _END
