"""Custom fields: what tenants define for their own records, and the values that the write engine keeps."""

from crmcore.records.custom import defining
from crmcore.records.custom.models import CustomField
from crmcore.records.custom.writing import COLUMN, check_custom_uniques, explain_custom, take_custom, write_custom

__all__ = [
    "COLUMN",
    "CustomField",
    "check_custom_uniques",
    "defining",
    "explain_custom",
    "take_custom",
    "write_custom",
]
