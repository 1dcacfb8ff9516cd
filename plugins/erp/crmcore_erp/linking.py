"""One exchange: the ERP as the settings name it, and the CRM that it is exchanged with."""

from __future__ import annotations

from dataclasses import dataclass

from crmcore.plugins import Crm, NeedsSettings
from crmcore_erp.adapter import ErpAdapter
from crmcore_erp.settings import ErpOwner, ErpSettings
from crmcore_erp.tryton import TrytonAdapter, Wire


@dataclass(frozen=True, slots=True)
class Link:
    """Both sides of the exchange, in one tenant."""

    crm: Crm
    settings: ErpSettings
    erp: ErpAdapter

    @property
    def owners(self) -> dict[str, ErpOwner]:
        """Whose value counts, by a customer's field."""
        named, reached = self.settings.name_owner, self.settings.reach_owner
        return {"name": named, "tax_id": named, "email": reached, "phone": reached}


async def link(crm: Crm) -> Link:
    """The exchange of the Crm's tenant. NeedsSettings if it is not set up."""
    settings: ErpSettings = await crm.settings()
    password = settings.password.get_secret_value() if settings.password else ""
    key = settings.key.get_secret_value()
    wire = Wire(crm.http, settings.url, settings.database, key, user=settings.user, password=password)
    return Link(crm, settings, TrytonAdapter(wire, company=settings.company))


async def is_set_up(crm: Crm) -> bool:
    """Whether there is an ERP to exchange with."""
    try:
        await crm.settings()
    except NeedsSettings:
        return False
    return True
