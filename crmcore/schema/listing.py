"""`plugins` and `plugin`: what is installed beside the core, what became of it, and how it is set up."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, Final

from graphql import GraphQLError, GraphQLResolveInfo

from crmcore.errors import Forbidden, Invalid, Refusal, Refusals
from crmcore.query import FreeData
from crmcore.schema.errors import user_error
from crmcore.schema.roots import RootField
from crmcore.schema.scalars import ID
from crmcore.schema.shapes import Field, Shapes, argument, listed, optional, shaped

_STATES: Final = {
    "LOADED": "It is part of this app.",
    "DEGRADED": "It is part of this app, but does not work well at the moment.",
    "DISABLED": "The operator switched it off.",
    "FAILED": "It could not be loaded; problems say why.",
    "INCOMPATIBLE": "It is made for another version of crmcore, or of its data.",
    "NEEDS_MIGRATION": "Its tables are not up to date: run crmcore migrate and start again.",
    "NEEDS_SETTINGS": "It does nothing for your tenant until the settings that problems name are set.",
}
_SOURCES: Final = {
    "DEFAULT": "The plugin itself.",
    "FILE": "The operator's file, [plugins.<id>] in crmcore.toml.",
    "ENVIRONMENT": "The operator's environment, CRMCORE_PLUGIN_<ID>__<NAME>.",
    "TENANT": "Your tenant, by pluginSettingsUpdate.",
}
SEVERITIES: Final = {
    "WARNING": "It works, but somebody should look.",
    "ERROR": "Something of it does not work.",
}
_UPDATE: Final = "Set up a plugin for your tenant. Who changed which setting is in the audit log; secrets never are."


def plugin_roots(shapes: Shapes) -> list[RootField]:
    """The fields; who runs the operation supplies the plugins (`Run.plugins`)."""
    shapes.names("PluginState", "What became of a plugin.", _STATES)
    shapes.names("PluginSettingSource", "Where the value of a setting comes from; a later one wins.", _SOURCES)
    shapes.object(
        "PluginPermission", "Something that a plugin lets some do and others not.",
        lambda: [
            shaped("name", str, "What a scope of an app calls it, such as email.send."),
            shaped("description", str, "What it lets do."),
        ],
    )  # fmt: skip
    shapes.object("PluginSettingValue", "One setting of a plugin, and its value.", partial(_value, shapes))
    shapes.object("PluginSettings", "How a plugin is set up for your tenant.", partial(_settings, shapes))
    shapes.names("PluginProblemSeverity", "How bad a problem is.", SEVERITIES)
    shapes.object("PluginProblem", "Something that is not well with a plugin.", partial(_problem, shapes))
    shapes.object("PluginStatistics", "What a hook or a field of a plugin came to.", _statistics)
    kind = shapes.object(
        "Plugin", "Something that extends the core. Its fields carry @plugin(name:).", partial(_fields, shapes)
    )
    key = argument("id", ID, "Its id.")
    return [
        RootField(shaped("plugins", optional(listed(kind)), "The plugins that were found, by id."), _all),
        RootField(shaped("plugin", optional(kind), "A plugin; null if none has this id.", arguments=[key]), _one),
    ]


def plugin_mutations(shapes: Shapes) -> list[RootField]:
    """`pluginSettingsUpdate`."""
    made = shapes.input(
        "PluginSettingsInput",
        "What is set of a plugin.",
        lambda: [
            shaped(
                "values",
                FreeData,
                "Values by the settings' names, as the schema has them. A setting left out stays as it is; null "
                "forgets what your tenant has set, so that the operator's value or the default holds again.",
            )
        ],
    )
    payload = shapes.object(
        "PluginSettingsPayload",
        "The plugin as it is set up now, or the errors that say why nothing was changed.",
        lambda: [
            shaped("plugin", optional(shapes["Plugin"]), "The plugin; null if it was refused."),
            shaped("errors", listed(shapes["UserError"]), "Empty if it was done."),
        ],
    )
    arguments = [argument("plugin", ID, "The plugin's id."), argument("input", made, "What is set.")]
    field = shaped("pluginSettingsUpdate", optional(payload), _UPDATE, arguments=arguments)
    return [RootField(field, _update)]


def _fields(shapes: Shapes) -> list[Field]:
    return [
        shaped("id", ID, "Short name; what it adds to the graph begins with it."),
        shaped("title", str, "Name for people."),
        shaped("description", str, "What it does."),
        shaped("version", str, "Its version."),
        shaped("state", shapes["PluginState"], "What became of it."),
        shaped("permissions", listed(shapes["PluginPermission"]), "What it lets be granted to apps."),
        shaped("problems", listed(str), "Why it does not work, or not as it should; empty if all is well."),
        shaped(
            "settings",
            optional(shapes["PluginSettings"]),
            "How it is set up for your tenant; null if it is not loaded or has no settings.",
        ),
        shaped("health", listed(shapes["PluginProblem"]), "What is not well with it now, by its own account and ours."),
        shaped(
            "statistics",
            listed(shapes["PluginStatistics"]),
            "What its hooks and fields came to since this server was started, by name.",
        ),
    ]


def _settings(shapes: Shapes) -> list[Field]:
    return [
        shaped("schema", FreeData, "A JSON Schema of the settings, for a form; secrets are writeOnly."),
        shaped("values", listed(shapes["PluginSettingValue"]), "All settings and their values now."),
        shaped("version", int, "The version of the settings' form."),
    ]


def _problem(shapes: Shapes) -> list[Field]:
    return [
        shaped("key", str, "What it is, for programs; it stays the same."),
        shaped("message", str, "What it is, for people."),
        shaped("severity", shapes["PluginProblemSeverity"], "How bad it is."),
    ]


def _statistics() -> list[Field]:
    return [
        shaped("hook", str, "The hook, or the field of the graph."),
        shaped("calls", int, "How often it was called."),
        shaped("faults", int, "How often it failed, was too slow or gave a wrong answer."),
        shaped("timeouts", int, "How often it was too slow."),
        shaped("milliseconds", int, "How long all its calls took."),
        shaped("slowest", int, "How many milliseconds the slowest one took."),
        shaped("blocked", int, "For how many milliseconds it held up everything else."),
        shaped("left", int, "How many tasks it left running when it was over; they were ended."),
        shaped("isResting", bool, "Whether it failed too often and is not called for a while."),
        shaped(
            "lastFault",
            str,
            "What went wrong the last time; empty if nothing did, and for who may not read its settings.",
        ),
        shaped("lastFaultAt", optional(datetime), "When that was."),
    ]


def _value(shapes: Shapes) -> list[Field]:
    return [
        shaped("name", str, "The setting, as the schema names it."),
        shaped("value", optional(FreeData), "Its value; null if it has none, and for a secret."),
        shaped("source", optional(shapes["PluginSettingSource"]), "Where the value comes from; null without one."),
        shaped("isSet", bool, "Whether it has a value; of a secret, all that is told."),
        shaped("isSecret", bool, "Whether it is a secret."),
    ]


class _Shown:
    """A plugin as the graph shows it to one caller; what costs something is asked for when it is selected."""

    def __init__(self, listed: Any, context: Any) -> None:
        self._listed = listed
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listed, name)

    @property
    def settings(self) -> Any:
        return _settings_of(self._context, self.id)

    @property
    def health(self) -> Any:
        return self._context.plugins.health(self._context.ctx, self.id)

    @property
    def statistics(self) -> list[dict[str, Any]]:
        return [_told(tally) for tally in self._context.plugins.statistics(self._context.ctx, self.id)]


def _told(tally: Any) -> dict[str, Any]:
    times = {name: round(getattr(tally, name)) for name in ("milliseconds", "slowest", "blocked")}
    return {
        **{name: getattr(tally, name) for name in ("hook", "calls", "faults", "timeouts", "left")},
        **times,
        "isResting": tally.is_resting,
        "lastFault": tally.last_fault,
        "lastFaultAt": tally.last_fault_at,
    }


async def _settings_of(context: Any, plugin: str) -> dict[str, Any] | None:
    if (schema := context.plugins.schema(plugin)) is None:
        return None
    try:
        found = await context.plugins.settings(context.ctx, plugin)
    except Forbidden as refused:
        raise GraphQLError(refused.message, extensions={"code": str(refused.code)}) from refused
    return {"schema": schema, "values": [_value_of(each) for each in found.values], "version": found.version}


def _value_of(held: Any) -> dict[str, Any]:
    return {
        "name": held.name,
        "value": held.value,
        "source": held.source and str(held.source),
        "isSet": held.is_set,
        "isSecret": held.is_secret,
    }


async def _all(_source: Any, info: GraphQLResolveInfo[Any]) -> list[_Shown]:
    return [_Shown(each, info.context) for each in await info.context.plugins.listing(info.context.ctx)]


async def _one(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> _Shown | None:
    found = await info.context.plugins.one(info.context.ctx, given["id"])
    return None if found is None else _Shown(found, info.context)


async def _update(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> dict[str, Any]:
    context, plugin, values = info.context, given["plugin"], given["input"]["values"]
    try:
        if not isinstance(values, dict):
            raise Invalid('values is an object of values by name, like {"host": "mail.example.com"}.', "values")
        await context.plugins.update(context.ctx, plugin, values)
    except (Refusal, Refusals) as refused:
        context.refused = True
        refusals = refused.refusals if isinstance(refused, Refusals) else [refused]
        return {"plugin": None, "errors": [user_error(one, _path(one), "") for one in refusals]}
    found = await context.plugins.one(context.ctx, plugin)
    return {"plugin": found and _Shown(found, context), "errors": []}


def _path(refused: Refusal) -> list[str]:
    """Names of settings stay as they are written."""
    return ["input", *refused.path] if refused.path and refused.path[0] == "values" else list(refused.path)
