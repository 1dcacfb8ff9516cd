"""Products in the graph."""

from __future__ import annotations

from crmcore.domain import catalogue as models
from crmcore.query import Money, field, record


@record(models.Product)
class Product:
    """Something that is sold: goods, a service or a subscription."""

    sku: str = field("Stock-keeping unit, unique among living products.")
    name: str = field("What customers call it.")
    type: models.ProductType = field("What kind of thing it is.")
    category: str | None = field("Category, as the catalogue names it.")
    unit: str | None = field("What one of it is, such as 10 boxes x 20 bags.")
    tax_class: str | None = field("Tax class, as the accounts name it.")
    list_price: Money | None = field("Price of one unit before any discount.")
    is_active: bool = field("Whether it may still be sold.")
    successor_of: Product | None = field("The product that this one replaces.")
