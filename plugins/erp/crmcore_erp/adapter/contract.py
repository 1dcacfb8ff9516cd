"""The contract between the plugin and an ERP: everything that differs from one ERP to the next is behind it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from crmcore_erp.adapter.records import (
    Address,
    Credit,
    ErpKind,
    NewOrder,
    NewProduct,
    Order,
    OrderStep,
    Party,
    PartyValues,
    Product,
)

Cursor = Mapping[str, Any]
"""Where a feed was left; only the adapter reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What this ERP can do.

    locked_writes  it refuses to overwrite what somebody changed since it was read
    tombstones     it tells which records were deleted, so that deletions come with every run
    """

    version: str
    locked_writes: bool
    tombstones: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of what changed, as dataclasses of the kind; `more` says whether to go on from `cursor`."""

    items: tuple[Any, ...]
    cursor: Cursor
    more: bool


class ErpAdapter(Protocol):
    """One ERP. Every method may raise an ErpError; what was asked for may have been done if it is Unreachable."""

    async def capabilities(self) -> Capabilities:
        """What it can do; also the check that address, database and key are right."""

    async def parties(self, ids: Collection[str]) -> Sequence[Party]:
        """These parties, archived ones too; what is gone is left out."""

    async def find_party(self, key: str) -> Party | None:
        """The party with our id `key`, archived or not."""

    async def create_party(self, key: str, values: PartyValues, addresses: Sequence[Address]) -> Party:
        """A new party with our id; Refused if there is one with it already."""

    async def update_party(self, party: Party, values: PartyValues, addresses: Sequence[Address]) -> Party:
        """Make the party, as it was read, what `values` say. Addresses with an id are changed, those without made; the
        ids in `party` that are not named stay. Stale where the ERP can tell that it changed meanwhile."""

    async def archive_addresses(self, ids: Collection[str]) -> None:
        """Take addresses out of use; what is gone already is left."""

    async def credit(self, parties: Collection[str]) -> Sequence[Credit]:
        """What these parties may owe and owe."""

    async def products(self, ids: Collection[str]) -> Sequence[Product]:
        """These products with their prices, inactive ones too."""

    async def find_product(self, sku: str) -> Product | None:
        """The product with this stock-keeping unit."""

    async def create_product(self, values: NewProduct) -> Product:
        """A new product that can be sold."""

    async def find_order(self, key: str) -> Order | None:
        """The order with our id `key`."""

    async def create_order(self, values: NewOrder) -> Order:
        """A new draft. The ERP may hold several with one key: look before."""

    async def advance_order(self, id: str, to: OrderStep) -> Order:
        """Move an order on as far as `to`: QUOTATION, CONFIRMED or PROCESSING. One that is there stays."""

    async def read(self, kind: ErpKind, ids: Collection[str]) -> Sequence[Any]:
        """Records of a kind by id, as `changes_since` gives them."""

    async def changes_since(self, kind: ErpKind, cursor: Cursor | None, *, size: int, go_on: bool) -> Page:
        """What changed since the cursor, oldest change first; everything without one. With `go_on` the page follows the
        one that the cursor came with; without, it is the first of a run and begins a little earlier, so that nothing
        is missed that was committed late: the same may come twice."""

    async def deleted_since(self, kind: ErpKind, ids: Collection[str], since: datetime) -> set[str]:
        """Those of these ids that were deleted since then; empty where the ERP tells no deletions."""

    async def present(self, kind: ErpKind, ids: Collection[str]) -> set[str]:
        """Those of these ids that the ERP has, archived or not."""
