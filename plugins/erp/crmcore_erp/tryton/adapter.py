"""The ErpAdapter of Tryton."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from crmcore_erp.adapter import (
    Address,
    Capabilities,
    Credit,
    ErpKind,
    NewOrder,
    NewProduct,
    Order,
    OrderStep,
    Page,
    Party,
    PartyValues,
    Product,
)
from crmcore_erp.adapter.contract import Cursor
from crmcore_erp.tryton import documents, feed, masters
from crmcore_erp.tryton.company import Company, learn
from crmcore_erp.tryton.wire import Wire


class TrytonAdapter:
    """A company of a Tryton database."""

    def __init__(self, wire: Wire, *, company: str = "") -> None:
        self.wire, self._name = wire, company
        self._company: Company | None = None

    async def company(self) -> Company:
        """What is known of the company; asked for once."""
        if self._company is None:
            self._company = await learn(self.wire, self._name)
        return self._company

    async def capabilities(self) -> Capabilities:
        version = await self.wire.version()
        await self.company()
        return Capabilities(version=version, locked_writes=self.wire.locks, tombstones=True)

    async def parties(self, ids: Collection[str]) -> Sequence[Party]:
        await self.company()
        return await masters.parties(self.wire, ids)

    async def find_party(self, key: str) -> Party | None:
        await self.company()
        return await masters.find_party(self.wire, key)

    async def create_party(self, key: str, values: PartyValues, addresses: Sequence[Address]) -> Party:
        return await masters.create_party(self.wire, await self.company(), key, values, addresses)

    async def update_party(self, party: Party, values: PartyValues, addresses: Sequence[Address]) -> Party:
        return await masters.update_party(self.wire, await self.company(), party, values, addresses)

    async def archive_addresses(self, ids: Collection[str]) -> None:
        await self.company()
        await masters.archive_addresses(self.wire, ids)

    async def credit(self, parties: Collection[str]) -> Sequence[Credit]:
        return await masters.credit(self.wire, await self.company(), parties)

    async def products(self, ids: Collection[str]) -> Sequence[Product]:
        return await masters.products(self.wire, await self.company(), ids)

    async def find_product(self, sku: str) -> Product | None:
        return await masters.find_product(self.wire, await self.company(), sku)

    async def create_product(self, values: NewProduct) -> Product:
        return await masters.create_product(self.wire, await self.company(), values)

    async def find_order(self, key: str) -> Order | None:
        await self.company()
        return await documents.find_order(self.wire, key)

    async def create_order(self, values: NewOrder) -> Order:
        return await documents.create_order(self.wire, await self.company(), values)

    async def advance_order(self, id: str, to: OrderStep) -> Order:
        await self.company()
        return await documents.advance_order(self.wire, id, to)

    async def read(self, kind: ErpKind, ids: Collection[str]) -> Sequence[Any]:
        company = await self.company()
        if kind == ErpKind.PARTY:
            return await masters.parties(self.wire, ids)
        if kind == ErpKind.PRODUCT:
            return await masters.products(self.wire, company, ids)
        if kind == ErpKind.STOCK:
            return await masters.stock(self.wire, company, ids)
        if kind == ErpKind.ORDER:
            return await documents.orders(self.wire, ids)
        if kind == ErpKind.INVOICE:
            return await documents.invoices(self.wire, ids)
        return await documents.shipments(self.wire, ids)

    async def changes_since(self, kind: ErpKind, cursor: Cursor | None, *, size: int, go_on: bool) -> Page:
        company = await self.company()
        ids, after, more = await feed.changed_ids(self.wire, kind, cursor, size, go_on=go_on)
        ids = [id for id in ids if kind != ErpKind.PARTY or id != company.party]  # that is ourselves
        return Page(items=tuple(await self.read(kind, ids)), cursor=after, more=more)

    async def deleted_since(self, kind: ErpKind, ids: Collection[str], since: datetime) -> set[str]:
        await self.company()
        return await feed.deleted_since(self.wire, kind, ids, since)

    async def present(self, kind: ErpKind, ids: Collection[str]) -> set[str]:
        await self.company()
        return await feed.present(self.wire, kind, ids)
