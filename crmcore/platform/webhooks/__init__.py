"""Webhooks: what happens to records is told to the addresses that tenants name.

An endpoint (models.py) is a record. A process that sends webhooks (running.py) holds endpoints by leases
(endpoints.py), brings what happened from the log of events to deliveries (dispatching.py), and sends those
(delivering.py): signed
(signing.py), to where the guard lets it (addresses.py), in the order of each record's events (deliveries.py), again and
again for three days (retrying.py).
"""

from crmcore.platform.webhooks.addresses import AddressRefused, Guard, Target
from crmcore.platform.webhooks.author import Author, Unsendable
from crmcore.platform.webhooks.deliveries import Delivery
from crmcore.platform.webhooks.endpoints import Endpoint
from crmcore.platform.webhooks.following import keep_step
from crmcore.platform.webhooks.models import WebhookDelivery, WebhookDeliveryStatus, WebhookEndpoint, WebhookState
from crmcore.platform.webhooks.running import Webhooks
from crmcore.platform.webhooks.upkeep import prune_deliveries

__all__ = [
    "AddressRefused",
    "Author",
    "Delivery",
    "Endpoint",
    "Guard",
    "Target",
    "Unsendable",
    "WebhookDelivery",
    "WebhookDeliveryStatus",
    "WebhookEndpoint",
    "WebhookState",
    "Webhooks",
    "keep_step",
    "prune_deliveries",
]
