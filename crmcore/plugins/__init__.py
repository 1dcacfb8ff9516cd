"""The door for plugins: what a partner may use, beside `crmcore.schema`, `crmcore.errors` and the areas' faces.

docs/plugins.md shows how to write one; specs.py lists the hooks.
"""

from crmcore.platform.access import BY_OWNER, WHOLE_TENANT, Access, through, through_children
from crmcore.platform.context import Context
from crmcore.platform.fields import (
    BigInt,
    Choice,
    ChoiceList,
    Day,
    Flag,
    Folded,
    Int,
    Json,
    Scaled,
    Text,
    UtcDatetime,
    Uuid,
)
from crmcore.platform.search import fill_entries
from crmcore.platform.tables import FilledIndex, UniqueIndex
from crmcore.plugins.manager import Listed, Plugins, PluginState
from crmcore.plugins.manifest import API_VERSION, Manifest
from crmcore.plugins.settings import NeedsSettings, OutboundUrl, PluginSettings, SecretStr, Setting
from crmcore.plugins.specs import hookimpl
from crmcore.query.declare import Row
from crmcore.records import (
    Create,
    Delete,
    Draft,
    Event,
    Machine,
    OwnedRecord,
    Record,
    Restore,
    Rules,
    Unique,
    Update,
    latest,
    reference,
    write,
)

__all__ = [
    "API_VERSION",
    "BY_OWNER",
    "WHOLE_TENANT",
    "Access",
    "BigInt",
    "Choice",
    "ChoiceList",
    "Context",
    "Create",
    "Day",
    "Delete",
    "Draft",
    "Event",
    "FilledIndex",
    "Flag",
    "Folded",
    "Int",
    "Json",
    "Listed",
    "Machine",
    "Manifest",
    "NeedsSettings",
    "OutboundUrl",
    "OwnedRecord",
    "PluginSettings",
    "PluginState",
    "Plugins",
    "Record",
    "Restore",
    "Row",
    "Rules",
    "Scaled",
    "SecretStr",
    "Setting",
    "Text",
    "Unique",
    "UniqueIndex",
    "Update",
    "UtcDatetime",
    "Uuid",
    "fill_entries",
    "hookimpl",
    "latest",
    "reference",
    "through",
    "through_children",
    "write",
]
