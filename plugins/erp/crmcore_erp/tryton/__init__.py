"""Tryton 8.2, over its REST interface for user applications."""

from crmcore_erp.tryton.adapter import TrytonAdapter
from crmcore_erp.tryton.wire import Wire

__all__ = ["TrytonAdapter", "Wire"]
