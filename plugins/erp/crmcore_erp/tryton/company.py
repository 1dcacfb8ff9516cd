"""What the adapter has to know of a Tryton database before it can write there: company, currencies, units, accounts."""

from __future__ import annotations

from dataclasses import dataclass, field

from crmcore_erp.adapter import Refused
from crmcore_erp.tryton.wire import Wire


@dataclass(slots=True)
class Company:
    """The company that the key's user works for; what is looked up is kept."""

    id: int
    party: str
    currency: str
    currencies: dict[str, int]
    storages: list[int]
    unit: int
    category: int | None
    countries: dict[str, int | None] = field(default_factory=dict)

    def currency_id(self, code: str) -> int:
        found = self.currencies.get(code or self.currency)
        if found is None:
            raise Refused(f"The ERP has no currency {code}: make it there first.")
        return found


async def learn(wire: Wire, name: str = "") -> Company:
    """The company called `name`, or the only one."""
    domain = [["party.name", "=", name]] if name else []
    rows = await wire.search("company.company", domain, ["currency.code", "party.name"])
    if len(rows) != 1:
        named = ", ".join(sorted(str(row["party"]["name"]) for row in rows)) or "none"
        raise Refused(f"The ERP has these companies: {named}. Say in the settings which one to work for.")
    company = rows[0]
    wire.act_for(company["id"])
    currencies = await wire.search("currency.currency", [], ["code"])
    warehouses = await wire.search("stock.location", [["type", "=", "warehouse"]], ["storage_location"])
    units = await wire.search("product.uom", [["symbol", "=", "u"]], ["symbol"], limit=1)
    categories = await wire.search("product.category", [["accounting", "=", True]], ["name"], order=[("id", "ASC")])
    return Company(
        id=company["id"],
        party=str(company["party"]["id"]),
        currency=company["currency"]["code"],
        currencies={row["code"]: row["id"] for row in currencies},
        storages=[row["storage_location"] for row in warehouses],
        unit=units[0]["id"] if units else 1,
        category=categories[0]["id"] if categories else None,
    )


async def country_id(wire: Wire, company: Company, name: str) -> int | None:
    """The country of this name or code; None if the ERP has none: the address goes without it."""
    if not name:
        return None
    if name not in company.countries:
        domain = ["OR", [["name", "=", name]], [["code", "=", name]], [["code3", "=", name]]]
        rows = await wire.search("country.country", domain, ["code"], limit=1)
        company.countries[name] = rows[0]["id"] if rows else None
    return company.countries[name]
