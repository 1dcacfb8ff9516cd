"""What both ways of streaming share: who listens, and what becomes of a client that takes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import HTTPConnection

from crmcore.http.auth import policy_of
from crmcore.http.served import Served
from crmcore.kit.ids import new_id
from crmcore.platform.context import Context

SLOW_CONSUMER: Final = "SLOW_CONSUMER"
GRACE: Final = 10.0
"""Seconds that a client that was hung up on has to read what was said last."""

STREAMING: Final = "streaming"
"""In the state of a connection: it answers without an end of its own, so a shutdown must end it."""

SHUTDOWN: Final = "crmcore.shutdown"
"""In a message that the server itself puts before what a client sent: it shuts down."""

HANG_UP: Final = "hang_up"
"""In the state of a connection: a function of the server's that ends it soon, whether the client reads or not."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who listens: looked at again whenever something is to be told, because tokens are revoked and roles change."""

    served: Served
    authorization: str | None

    async def context(self) -> Context:
        """A context of this moment, with an id of its own. Unauthenticated once the token is good no more."""
        seconds = self.served.settings.request_seconds
        policy = await policy_of(self.served.db, self.authorization, seconds=seconds)
        return self.served.context(policy, new_id())


class Stalled(Exception):
    """The client has taken nothing for `stall_seconds`."""


def hang_up(connection: HTTPConnection) -> None:
    """From now on nothing waits for the client; what is still said to it goes out if it reads within seconds."""
    end = getattr(connection.state, HANG_UP, None)
    if end is not None:
        end()


def slow_consumer(request_id: str) -> dict[str, Any]:
    """The last error of a stream whose client was too slow."""
    said = "You read too slowly: the stream is ended. Resume with `after` from the last cursor that you have."
    return {"message": said, "extensions": {"code": SLOW_CONSUMER, "requestId": request_id}}
