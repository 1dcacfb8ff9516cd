"""What stands in a message."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from crmcore.kit import times
from crmcore.kit.ids import to_global
from crmcore.kit.text import camel
from crmcore.platform.webhooks.deliveries import Delivery


def body(delivery: Delivery, data: Mapping[UUID, Any] | None) -> bytes:
    """The message of a delivery. `data` holds what the endpoint's selection reads of each record, if it has one."""
    told = delivery.event
    at: datetime = told.at if told else delivery.made_at
    message: dict[str, Any] = {
        "type": delivery.type,
        "id": to_global(delivery.record_type, delivery.record_id),
        "version": told.version if told else None,
        "changedFields": [camel(name) for name in told.changed_fields] if told else [],
        "at": times.to_text(at),
    }
    if data is not None:
        message["data"] = data.get(delivery.record_id)
    return orjson.dumps(message)
