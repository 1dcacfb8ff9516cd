"""ERP exchange: the place of the exchange with ERP systems."""

from __future__ import annotations

from crmcore.plugins import Manifest


class Plugin:
    """The entry point of the distribution."""

    meta = Manifest(
        id="erp",
        title="ERP exchange",
        description="Will exchange customers, products and orders with ERP systems; so far it is only there.",
        api=">=0.1,<1",
    )
