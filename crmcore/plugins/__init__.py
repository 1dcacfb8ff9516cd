"""The door for plugins: what a partner may use, beside `crmcore.schema`, `crmcore.errors` and the areas' faces.

docs/plugins.md shows how to write one; specs.py lists the hooks.
"""

from crmcore.platform.access import BY_OWNER, TENANT_REACH, WHOLE_TENANT, Access, ActorKind, through, through_children
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
from crmcore.platform.jobs import GiveUp, JobCancelled, JobRun, Priority, RunLater
from crmcore.platform.search import fill_entries
from crmcore.platform.tables import FilledIndex, UniqueIndex
from crmcore.plugins.checking import Veto
from crmcore.plugins.commands import Command
from crmcore.plugins.crm import Crm, GraphQLFailed, crm_of
from crmcore.plugins.events import PluginEvent
from crmcore.plugins.jobs import Job
from crmcore.plugins.manager import Plugins
from crmcore.plugins.manifest import API_VERSION, Manifest, Permission, require
from crmcore.plugins.problems import NotReady, Problem
from crmcore.plugins.settings import NeedsSettings, OutboundUrl, PluginSettings, SecretStr, Setting
from crmcore.plugins.signatures import BadSignature, signed, signed_plainly, verify_signature
from crmcore.plugins.specs import hookimpl
from crmcore.plugins.states import Listed, PluginsFailed, PluginState
from crmcore.plugins.web import Headers, Pairs, Route, WebRequest, WebResponse
from crmcore.query.declare import Row
from crmcore.records import (
    Change,
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
    "TENANT_REACH",
    "WHOLE_TENANT",
    "Access",
    "ActorKind",
    "BadSignature",
    "BigInt",
    "Change",
    "Choice",
    "ChoiceList",
    "Command",
    "Context",
    "Create",
    "Crm",
    "Day",
    "Delete",
    "Draft",
    "Event",
    "FilledIndex",
    "Flag",
    "Folded",
    "GiveUp",
    "GraphQLFailed",
    "Headers",
    "Int",
    "Job",
    "JobCancelled",
    "JobRun",
    "Json",
    "Listed",
    "Machine",
    "Manifest",
    "NeedsSettings",
    "NotReady",
    "OutboundUrl",
    "OwnedRecord",
    "Pairs",
    "Permission",
    "PluginEvent",
    "PluginSettings",
    "PluginState",
    "Plugins",
    "PluginsFailed",
    "Priority",
    "Problem",
    "Record",
    "Restore",
    "Route",
    "Row",
    "Rules",
    "RunLater",
    "Scaled",
    "SecretStr",
    "Setting",
    "Text",
    "Unique",
    "UniqueIndex",
    "Update",
    "UtcDatetime",
    "Uuid",
    "Veto",
    "WebRequest",
    "WebResponse",
    "crm_of",
    "fill_entries",
    "hookimpl",
    "latest",
    "reference",
    "require",
    "signed",
    "signed_plainly",
    "through",
    "through_children",
    "verify_signature",
    "write",
]
