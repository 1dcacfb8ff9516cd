"""A client that keeps a copy by the feed, what it must be equal to, and a crowd that changes everything meanwhile."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from tests.fixtures import Answer, TestCrm

NODE = "id ... on Customer { name owner { id } team { id } } ... on Address { city } ... on Deal { name }"
CHANGES = f"""query Changes($after: String, $first: Int, $types: [RecordTypeName!]) {{
  changes(after: $after, first: $first, types: $types) {{
    nodes {{ op type id version node {{ __typename {NODE} }} }} cursor hasMore resyncRequired
  }}
}}"""


@dataclass
class Copy:
    """What a client has of the records, by id: their version and what it selected. `told` are all ids it was told."""

    crm: TestCrm
    token: str
    first: int = 5
    types: list[str] | None = None
    cursor: str | None = None
    records: dict[str, tuple[int, Answer]] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    pages: int = 0

    async def page(self) -> Answer:
        variables = {"after": self.cursor, "first": self.first, "types": self.types}
        response = await self.crm.post(CHANGES, variables, headers={"authorization": f"Bearer {self.token}"})
        answer = response.json()
        assert "errors" not in answer, answer["errors"]
        page: Answer = answer["data"]["changes"]
        self.pages += 1
        assert len(page["nodes"]) <= self.first
        ids = [change["id"] for change in page["nodes"]]
        assert len(set(ids)) == len(ids)
        for change in page["nodes"]:
            self._apply(change)
        self.cursor = page["cursor"]
        if page["resyncRequired"]:
            self.records.clear()
        return page

    def _apply(self, change: Answer) -> None:
        prefix = change["id"].rpartition("_")[0]
        assert change["type"].lower() == prefix
        if change["op"] == "DELETE":
            assert change["version"] is change["node"] is None
            self.records.pop(change["id"], None)
            self.deleted.append(change["id"])
        else:
            assert change["node"]["id"] == change["id"]
            assert change["version"] >= self.records.get(change["id"], (0, {}))[0], "it went back"
            self.records[change["id"]] = (change["version"], change["node"])

    async def follow(self) -> None:
        """Everything that is there."""
        while (await self.page())["hasMore"]:
            pass

    async def lists(self) -> dict[str, tuple[int, Answer]]:
        """What the user sees in the lists: what the copy must be."""
        found: dict[str, tuple[int, Answer]] = {}
        for record in self.crm.crm.registry.records.values():
            if record.is_log:
                continue
            more, after = True, None
            while more:
                page = await self._list(record.root_plural, after)
                for node in page["nodes"]:
                    found[node["id"]] = (node.pop("version"), node)
                more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
        return found

    async def _list(self, name: str, after: str | None) -> Answer:
        query = f"query($after: String) {{ {name}(first: 200, after: $after) {{ nodes {{ version ...N }} pageInfo {{ hasNextPage endCursor }} }} }} fragment N on Node {{ __typename {NODE} }}"
        response = await self.crm.post(query, {"after": after}, headers={"authorization": f"Bearer {self.token}"})
        answer: Answer = response.json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"][name]  # type: ignore[no-any-return]


@dataclass
class Crowd:
    """Writers who create, change, move, delete and restore at random. `owners` and `teams` may own."""

    crm: TestCrm
    owners: list[str | None]
    teams: list[str | None]
    ids: dict[str, list[str]] = field(default_factory=dict)
    done: int = 0

    async def write(self, seed: int, steps: int) -> None:
        dice = random.Random(seed)
        for number in range(steps):
            action = dice.choice(self.actions)
            await action(self, dice, f"{seed}-{number}")

    async def create(self, dice: random.Random, word: str) -> None:
        kind = dice.choice(
            ["Customer", "Customer", "Contact", "ContactLink", "ContactLink", "Address", "Deal", "Order"]
        )
        given = self._given(kind, dice, word)
        if None in given.values() and kind not in ("Customer", "Deal"):
            return
        made = await self.act(f"{kind[0].lower()}{kind[1:]}", "Create", given)
        if made:
            self.ids.setdefault(kind, []).append(made)

    def _given(self, kind: str, dice: random.Random, word: str) -> dict[str, Any]:
        owned = {"ownerId": dice.choice(self.owners), "teamId": dice.choice(self.teams)}
        customer = self._any("Customer", dice)
        if kind == "Customer":
            return {"name": word, **owned}
        if kind == "Contact":
            return {"lastName": word}
        if kind == "ContactLink":
            return {"customerId": customer, "contactId": self._any("Contact", dice)}
        if kind == "Address":
            whose = dice.choice(["customerId", "contactId"])
            return {"city": word, whose: self._any(whose[:-2].capitalize(), dice)}
        if kind == "Order":
            return {"customerId": customer, "placedAt": "2026-11-01T10:00:00Z", "currency": "EUR"}
        return {"name": word, "customerId": customer, **owned}

    async def change(self, dice: random.Random, word: str) -> None:
        kind = dice.choice(["Customer", "Customer", "Address", "Deal", "Contact"])
        key = self._any(kind, dice)
        if key:
            column = {"Address": "city", "Contact": "title"}.get(kind, "name")
            await self.act(f"{kind[0].lower()}{kind[1:]}", "Update", {column: word}, key)

    async def move(self, dice: random.Random, word: str) -> None:
        kind = dice.choice(["Customer", "Customer", "Deal"])
        key = self._any(kind, dice)
        if key:
            column, those = dice.choice([("ownerId", self.owners), ("teamId", self.teams)])
            await self.act(kind.lower(), "Update", {column: dice.choice(those)}, key)

    async def relink(self, dice: random.Random, word: str) -> None:
        key, kind = self._any("ContactLink", dice), dice.choice(["Customer", "Contact"])
        if key:
            await self.act("contactLink", "Update", {f"{kind.lower()}Id": self._any(kind, dice)}, key)

    async def delete(self, dice: random.Random, word: str) -> None:
        kind = dice.choice([*self.ids, "Customer", "Contact", "ContactLink"])
        key = self._any(kind, dice)
        if key:
            await self.act(f"{kind[0].lower()}{kind[1:]}", dice.choice(["Delete", "Delete", "Restore"]), None, key)

    async def restore(self, dice: random.Random, word: str) -> None:
        kind = dice.choice([*self.ids, "Customer", "Contact", "ContactLink"])
        for key in dice.sample(self.ids.get(kind, []), min(3, len(self.ids.get(kind, [])))):
            await self.act(f"{kind[0].lower()}{kind[1:]}", "Restore", None, key)

    async def merge(self, dice: random.Random, word: str) -> None:
        kind = dice.choice(["Customer", "Customer", "Contact"])
        keys = self.ids.get(kind, [])
        if len(keys) > 2:
            one, other = dice.sample(keys, 2)
            name = kind.lower()
            query = f"mutation($input: {kind}MergeInput!) {{ done: {name}Merge(input: $input) {{ outcome {{ mergeRecord {{ id }} }} }} }}"
            done = (await self.crm.gql(query, input={"survivorId": one, "otherIds": [other]}))["done"]["outcome"]
            self.done += done is not None
            if done and dice.random() < 0.4:
                undo = f"mutation($id: ID!) {{ {name}Unmerge(id: $id) {{ errors {{ message }} }} }}"
                await self.crm.gql(undo, id=done["mergeRecord"]["id"])

    actions = (create, create, create, change, move, move, relink, delete, restore, merge)

    def _any(self, kind: str, dice: random.Random) -> str | None:
        known = self.ids.get(kind)
        return dice.choice(known) if known else None

    async def act(self, name: str, verb: str, given: Answer | None, key: str | None = None) -> str | None:
        """One mutation; the record's id if it was done. What is refused is no matter here."""
        type_ = f"{name[0].upper()}{name[1:]}{verb}Input!"
        told = [("$id: ID!", "id: $id")] if key else []
        told += [(f"$input: {type_}", "input: $input")] if given is not None else []
        taken, passed = (", ".join(part) for part in zip(*told, strict=True))
        query = f"mutation({taken}) {{ done: {name}{verb}({passed}) {{ record: {name} {{ id }} errors {{ code message }} }} }}"
        answer = await self.crm.ask(query, id=key, input=given)
        assert "errors" not in answer, answer["errors"]
        found = answer["data"]["done"]
        self.done += not found["errors"]
        return found["record"]["id"] if found["record"] else None
