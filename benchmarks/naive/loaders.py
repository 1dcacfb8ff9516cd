"""The data loaders of one request: a record by its id, the records of a parent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from strawberry.dataloader import DataLoader

from benchmarks.naive.inputs import Lookups
from benchmarks.naive.models import Contact, ContactLink, Row


class Loaders:
    """One DataLoader for each kind of record, and for each list with its arguments."""

    def __init__(self, tenant: UUID) -> None:
        self.living: Lookups = {"tenant_id": tenant, "deleted_at": None}
        self._loaders: dict[Any, DataLoader[UUID, Any]] = {}

    async def one(self, model: type[Row], key: UUID | None) -> Any:
        """The living record with this id."""
        if key is None:
            return None

        async def load(keys: list[UUID]) -> list[Any]:
            found = {row.id: row for row in await model.filter(id__in=keys, **self.living)}
            return [found.get(key) for key in keys]

        return await self._loaders.setdefault(model, DataLoader(load)).load(key)

    async def of_customer(
        self, model: type[Row], customer: UUID, where: Lookups, order: Sequence[str], first: int
    ) -> list[Any]:
        """The first of a customer's records: those of all customers are loaded, then each list is cut."""

        async def load(keys: list[UUID]) -> list[list[Any]]:
            rows = await model.filter(customer_id__in=keys, **self.living, **where).order_by(*order)
            lists = defaultdict(list)
            for row in rows:
                lists[row.customer_id].append(row)
            column = order[0].lstrip("-")
            return [sorted(lists[key], key=lambda r: getattr(r, column) is None)[:first] for key in keys]

        name = (model, repr(where), tuple(order), first)
        return await self._loaders.setdefault(name, DataLoader(load)).load(customer)

    async def contacts(self, customer: UUID, order: Sequence[str], first: int) -> list[Contact]:
        """A customer's contacts, over the links."""

        async def load(keys: list[UUID]) -> list[list[Contact]]:
            contact = {f"contact__{name}": given for name, given in self.living.items()}
            links = ContactLink.filter(customer_id__in=keys, **self.living, **contact).select_related("contact")
            lists = defaultdict(list)
            for link in await links.order_by(*(_through("contact", key) for key in order)):
                lists[link.customer_id].append(link.contact)
            return [lists[key][:first] for key in keys]

        name = (Contact, tuple(order), first)
        return await self._loaders.setdefault(name, DataLoader(load)).load(customer)


def _through(relation: str, key: str) -> str:
    return f"-{relation}__{key[1:]}" if key.startswith("-") else f"{relation}__{key}"
