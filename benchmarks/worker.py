"""The process of a contestant in Python: prints its port, serves until it is ended."""

from __future__ import annotations

import socket
import sys
from typing import Any, Final

COMMAND: Final = (sys.executable, "-m", "benchmarks.worker")
CONNECTIONS: Final = 10
PAGE_MAX: Final = 500


def _server(name: str, database_url: str) -> Any:
    """What serves a contestant: crmcore as `crmcore serve` does it, with every guard of the door."""
    import uvicorn

    if name == "crmcore":
        from crmcore.app import create_app
        from crmcore.http.protocol import Server, server_config
        from crmcore.settings import load

        settings = load(
            database_url=database_url, database_connections=CONNECTIONS, page_max=PAGE_MAX, plugins_enabled=False,
            log_level="warning",
        )  # fmt: skip
        return Server(server_config(create_app(settings), settings, loop="uvloop"))
    from benchmarks.floor import create_floor
    from benchmarks.naive import create_naive

    app = (create_naive if name == "naive" else create_floor)(database_url, CONNECTIONS)
    return uvicorn.Server(uvicorn.Config(app, http="httptools", loop="uvloop", log_level="warning", access_log=False))


def main(name: str, database_url: str) -> None:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(256)
    print(listener.getsockname()[1], flush=True)
    _server(name, database_url).run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
