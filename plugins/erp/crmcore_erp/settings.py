"""What is set for the exchange: where the ERP is, and who has the last word on what."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from crmcore.plugins import OutboundUrl, PluginSettings, SecretStr, Setting
from crmcore_erp.adapter import OrderStep


class ErpOwner(StrEnum):
    """Whose value counts where the two sides differ."""

    CRM = "CRM"
    ERP = "ERP"
    BOTH = "BOTH"


class ErpSettings(PluginSettings):
    """The exchange with a Tryton server."""

    url: OutboundUrl = Setting(
        title="Server", description="Address of the Tryton server, like https://erp.example.com."
    )
    database: str = Setting(min_length=1, max_length=60, title="Database", description="Name of the Tryton database.")
    key: SecretStr = Setting(title="Key", description="Key of a user application of kind REST, validated there.")
    company: str = Setting("", title="Company", description="Name of the company, where the database has several.")
    user: str = Setting("", title="User", description="With a password: writes are locked against others' changes.")
    password: SecretStr | None = Setting(None, title="Password", description="Of that user.")
    poll_minutes: int = Setting(1, ge=1, le=1440, title="Poll every", description="Minutes between two looks there.")
    page: int = Setting(200, ge=1, le=1000, title="Page size", description="Records that are read at once.")
    orders_to: Literal["DRAFT", "QUOTATION", "CONFIRMED", "PROCESSING"] = Setting(
        "QUOTATION", title="Orders become", description="How far the order of a won deal is moved in the ERP."
    )
    customers: Literal["ALL", "ORDERING"] = Setting(
        "ALL", title="Customers", description="Whether all customers are sent, or each with its first order."
    )
    name_owner: ErpOwner = Setting(
        ErpOwner.BOTH, title="Names", description="Whose customers' names and tax numbers count; BOTH asks in doubt."
    )
    reach_owner: ErpOwner = Setting(
        ErpOwner.CRM, title="Email and phone", description="Whose email addresses and phone numbers count."
    )
    product_owner: Literal["CRM", "ERP"] = Setting(
        "ERP", title="Catalogue", description="Who keeps the products; with CRM new ones are made in the ERP."
    )
    adopt: bool = Setting(False, title="Take over", description="Make customers and orders here that began in the ERP.")
    credit_gate: bool = Setting(
        True, title="Credit limit", description="Refuse to win a deal that goes beyond the customer's limit in the ERP."
    )
    deletions_percent: int = Setting(
        20, ge=1, le=100, title="Most deletions", description="Stop if more than this share is missing in the ERP."
    )

    @property
    def step(self) -> OrderStep:
        """How far orders are moved."""
        return OrderStep(self.orders_to)
