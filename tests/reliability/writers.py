"""Clients that write over HTTP and never lose count: what was not answered is sent again, under the same key."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx

CREATE = """mutation($input: CustomerCreateInput!) {
  customerCreate(input: $input) { customer { id version } errors { code message } } }"""
UPDATE = """mutation($id: ID!, $input: CustomerUpdateInput!, $version: Int) {
  customerUpdate(id: $id, input: $input, expectedVersion: $version) { customer { id version } errors { code message } } }"""
DELETE = """mutation($id: ID!) { customerDelete(id: $id) { customer { id version } errors { code message } } }"""
RESTORE = """mutation($id: ID!) { customerRestore(id: $id) { customer { id version } errors { code message } } }"""


class Writer:
    """One client. `known` is what was acknowledged of its customers: version, name and whether it is deleted."""

    def __init__(self, address: str, token: str, seed: int) -> None:
        self.address, self.token = address, token
        self.random = random.Random(seed)
        self.known: dict[str, tuple[int, str, bool]] = {}
        self.acknowledged = self.repeated = 0

    async def run(self, enough: asyncio.Event) -> None:
        """Write until it is enough; then what is under way is brought to its end."""
        headers = {"authorization": f"Bearer {self.token}"}
        async with httpx.AsyncClient(base_url=self.address, headers=headers, timeout=10) as client:
            while not enough.is_set():
                await self._step(client)

    async def _step(self, client: httpx.AsyncClient) -> None:
        living = [key for key, (_, _, deleted) in self.known.items() if not deleted]
        deleted = [key for key, (_, _, gone) in self.known.items() if gone]
        chance = self.random.random()
        name = f"Customer {uuid4().hex[:12]}"
        if not living or chance < 0.4:
            done = await self._send(client, CREATE, {"input": {"name": name, "kind": "ORGANIZATION"}})
            self._learn(done, 1, name, False)
        elif chance < 0.8:
            key = self.random.choice(living)
            version = self.known[key][0]
            done = await self._send(client, UPDATE, {"id": key, "input": {"name": name}, "version": version})
            self._learn(done, version + 1, name, False)
        elif deleted and chance < 0.9:
            key = self.random.choice(deleted)
            version, kept, _ = self.known[key]
            self._learn(await self._send(client, RESTORE, {"id": key}), version + 1, kept, False)
        else:
            key = self.random.choice(living)
            version, kept, _ = self.known[key]
            self._learn(await self._send(client, DELETE, {"id": key}), version + 1, kept, True)

    def _learn(self, customer: Mapping[str, Any], version: int, name: str, deleted: bool) -> None:
        assert customer["version"] == version, (customer, version)
        self.known[customer["id"]] = (version, name, deleted)
        self.acknowledged += 1

    async def _send(self, client: httpx.AsyncClient, query: str, variables: dict[str, Any]) -> Mapping[str, Any]:
        """The customer of the answer, however often it takes to get one."""
        headers = {"idempotency-key": uuid4().hex}
        for attempt in range(600):
            try:
                response = await client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
                body = response.json()
            except (httpx.TransportError, ValueError):
                self.repeated += 1
                await asyncio.sleep(0.05)
                continue
            if "errors" in body:
                code = body["errors"][0]["extensions"]["code"]
                assert code in {"IDEMPOTENCY_KEY_IN_USE", "SERVICE_UNAVAILABLE", "DEADLINE_EXCEEDED"}, body
                self.repeated += 1
                await asyncio.sleep(0.05)
                continue
            [payload] = body["data"].values()
            assert not payload["errors"], (attempt, payload, variables)
            customer: Mapping[str, Any] = payload["customer"]
            return customer
        raise AssertionError("no answer")
