"""A thousand upserts in one request beside a thousand requests of one: how many times the rate.

    .venv/bin/python -m benchmarks.batches            both databases, three rounds
    .venv/bin/python -m benchmarks.batches --rounds 1

The server is a process of its own, as `crmcore serve` runs it; one client on one connection waits for each answer. In
turns: records that are new, and the same ones again with another name.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

import orjson

from benchmarks.postgres import Server, cpu_seconds, running, spent
from benchmarks.worker import COMMAND
from crmcore.migrations import CORE
from crmcore.platform.database import connect, refresh_statistics
from crmcore.platform.identity import create_token, find_tenant
from crmcore.platform.migrate import migrate

ITEMS: Final = 1000
ANSWER: Final = "customer { id version } outcome errors { code message path }"
ONE: Final = f"""mutation($input: CustomerCreateInput!) {{
  done: customerUpsert(input: $input, matchOn: [EXTERNAL_REF]) {{ {ANSWER} }} }}"""
MANY: Final = f"""mutation($items: [CustomerCreateInput!]!) {{
  done: customersUpsert(items: $items, matchOn: [EXTERNAL_REF]) {{ results {{ {ANSWER} }} errors {{ code }} }} }}"""


def item(place: int, stem: str, name: str) -> dict[str, Any]:
    """A customer as another system would send it."""
    external = {"system": "erp", "externalId": f"{stem}-{place}"}
    return {"name": f"{name} {place}", "industry": "Steel", "taxId": f"{stem}{place}", "externalRefs": [external]}


class Client:
    """One connection that asks and waits."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def ask(self, query: str, **variables: Any) -> Any:
        """The field's answer. RuntimeError for one with errors."""
        body = orjson.dumps({"query": query, "variables": variables})
        self._connection.request("POST", "/graphql", body, self._headers)
        answer = orjson.loads(self._connection.getresponse().read())
        if "errors" in answer or answer["data"]["done"]["errors"]:
            raise RuntimeError(str(answer)[:500])
        return answer["data"]["done"]

    def many(self, items: list[dict[str, Any]]) -> None:
        """One request of all."""
        assert len(self.ask(MANY, items=items)["results"]) == len(items)

    def singly(self, items: list[dict[str, Any]]) -> None:
        """A request for each."""
        for given in items:
            self.ask(ONE, input=given)


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds by the clock, and seconds of CPU of the process that serves and of PostgreSQL."""

    clock: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Served:
    """A client, and the processes that work for it."""

    url: str
    client: Client
    pids: Callable[[], list[int]]

    def timed(self, work: Callable[[], None]) -> Taken:
        """Run the work; what it took."""
        before, began = cpu_seconds(self.pids()), time.perf_counter()
        work()
        return Taken(time.perf_counter() - began, spent(before, cpu_seconds(self.pids())))


async def _prepare(url: str) -> str:
    """Migrate the database; a token for it."""
    await migrate(url, [CORE])
    db = await connect(url, connections=2)
    try:
        tenant = await find_tenant(db)
        assert tenant is not None
        async with db.transaction() as tx:
            return (await create_token(tx, tenant, "benchmark")).text
    finally:
        await db.close()


async def _look_at_tables(url: str) -> None:
    """Let PostgreSQL's planner know that the tables are not empty, as it would by itself after a minute."""
    db = await connect(url, connections=1)
    try:
        await refresh_statistics(db)
    finally:
        await db.close()


@contextmanager
def _served(url: str, server: Server) -> Iterator[Served]:
    token = asyncio.run(_prepare(url))
    worker = subprocess.Popen([*COMMAND, "crmcore", url], stdout=subprocess.PIPE)
    try:
        assert worker.stdout is not None
        client = Client(int(worker.stdout.readline()), token)
        yield Served(url, client, lambda: [worker.pid, *(server.pids() if url.startswith("postgres") else [])])
    finally:
        worker.terminate()
        worker.wait()


def measured(served: Served, rounds: int) -> dict[str, list[tuple[Taken, Taken]]]:
    """What it takes singly and together, by what was done."""
    client = served.client
    client.many([item(n, "warm", "Warm") for n in range(ITEMS)])
    client.singly([item(n, "warm", "Warmer") for n in range(200)])
    asyncio.run(_look_at_tables(served.url))
    found: dict[str, list[tuple[Taken, Taken]]] = {"created": [], "updated": []}
    for number in range(rounds):
        for verb, name in (("created", "First"), ("updated", "Second")):
            singly = partial(client.singly, [item(n, f"one{number}", name) for n in range(ITEMS)])
            together = partial(client.many, [item(n, f"all{number}", name) for n in range(ITEMS)])
            found[verb].append((served.timed(singly), served.timed(together)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "postgres") as server:
        urls = {
            "sqlite": f"sqlite:///{folder}/batches.db", "postgres": asyncio.run(server.create_database("batches")),
        }  # fmt: skip
        for database, url in urls.items():
            with _served(url, server) as served:
                for verb, times in measured(served, rounds).items():
                    for what in ("clock", "cpu"):
                        one = median(getattr(singly, what) for singly, _ in times)
                        many = median(getattr(together, what) for _, together in times)
                        print(
                            f"{database:9}{verb:9}{what:6} singly {one:6.2f} s   together {many * 1000:5.0f} ms   "
                            f"{one / many:5.1f} times the rate"
                        )


if __name__ == "__main__":
    main()
