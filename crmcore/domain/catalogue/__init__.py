"""What is sold."""

from crmcore.domain.catalogue.models import Product, ProductType

__all__ = ["Product", "ProductType"]
