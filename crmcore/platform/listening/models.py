"""The tables: a place in the log for each plugin and tenant, and the events that a plugin has not taken yet."""

from __future__ import annotations

from typing import Any, ClassVar

from tortoise.models import Model

from crmcore.kit.choices import Choices
from crmcore.platform.access import TENANT_REACH, Access
from crmcore.platform.fields import BigInt, Choice, Int, Text, UtcDatetime, Uuid
from crmcore.platform.tables import FilledIndex, UniqueIndex


class PluginEventStatus(Choices):
    """What became of an event that a plugin did not take at once."""

    PENDING = "PENDING", "The plugin is told of it again, or after another event of the same record."
    DONE = "DONE", "The plugin took it in the end."
    DEAD = "DEAD", "All attempts failed, or the plugin gave up. It is told again only if you replay it."


class PluginCursor(Model):
    """How far a plugin has been told what happened in a tenant, and who does it (`lease`). `began` is where it began:
    what is older is not for it."""

    id = Uuid(primary_key=True)
    tenant_id = Uuid()
    plugin = Text(31)
    sequence = BigInt()
    began = BigInt()
    lease = Uuid(null=True)
    leased_until = UtcDatetime(null=True)

    class Meta(Model.Meta):
        table = "plugin_cursor"
        indexes: ClassVar[Any] = (UniqueIndex(fields=("tenant_id", "plugin"), name="uq_plugin_cursor_plugin"),)


class PluginEvent(Model):
    """An event that was put aside for a plugin: because telling it failed, or because an earlier one of the same record
    waits. `next_at` is set while it is pending."""

    id = Uuid(primary_key=True)
    tenant_id = Uuid()
    plugin = Text(31)
    sequence = BigInt()
    event_id = Uuid()
    type = Text(120)
    record_type = Text(63)
    record_id = Uuid()
    status = Choice(PluginEventStatus)
    attempts = Int(default=0)
    made_at = UtcDatetime()
    next_at = UtcDatetime(null=True)
    attempted_at = UtcDatetime(null=True)
    problem = Text(2000, null=True)

    access: ClassVar[Access] = TENANT_REACH

    class Meta(Model.Meta):
        table = "plugin_event"
        indexes: ClassVar[Any] = (
            UniqueIndex(fields=("tenant_id", "plugin", "sequence"), name="uq_plugin_event_sequence"),
            FilledIndex(fields=("tenant_id", "plugin", "next_at"), name="ix_plugin_event_due", filled="next_at"),
            FilledIndex(
                fields=("tenant_id", "plugin", "record_id", "sequence", "next_at"),
                name="ix_plugin_event_order", filled="next_at",
            ),
            ("tenant_id", "made_at", "id"),
            ("tenant_id", "id"),
        )  # fmt: skip
