"""What is sold."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from crmcore.domain.catalogue import rules
from crmcore.platform.fields import Choice, Flag, Folded, Scaled, Text
from crmcore.platform.record import Record, Rules, Unique, reference


class ProductType(StrEnum):
    """What kind of thing is sold."""

    GOODS = "GOODS"
    SERVICE = "SERVICE"
    SUBSCRIPTION = "SUBSCRIPTION"


class Product(Record):
    sku = Text(100)
    name = Text(300)
    name_folded = Folded(of="name")
    type = Choice(ProductType, default=ProductType.GOODS)
    category = Text(200, null=True)
    unit = Text(100, null=True)
    tax_class = Text(60, null=True)
    list_price = Scaled(null=True)
    currency = Text(3, null=True)
    is_active = Flag(default=True)
    successor_of: Any = reference("core.Product", "SET NULL", null=True)

    special: ClassVar[Rules] = Rules(
        unique=(Unique(("sku",)),), rules=(rules.price_has_currency,), search=("name", "sku")
    )

    class Meta(Record.Meta):
        table = "product"
