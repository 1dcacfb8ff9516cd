"""The fields that tenants define: how they are shown, and how lists are filtered and ordered by them."""

from crmcore.query.custom.rows import CustomRows
from crmcore.query.custom.shown import MEMBERS, VALUE, VALUE_TYPES, CustomValues

__all__ = ["MEMBERS", "VALUE", "VALUE_TYPES", "CustomRows", "CustomValues"]
