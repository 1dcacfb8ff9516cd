"""`plugins`: what is installed beside the core, and what became of it."""

from __future__ import annotations

from crmcore.schema.roots import RootField
from crmcore.schema.scalars import ID
from crmcore.schema.shapes import Field, Shapes, listed, optional, shaped

_STATES = {
    "LOADED": "It is part of this app.",
    "DISABLED": "The operator switched it off.",
    "FAILED": "It could not be loaded; problems say why.",
    "INCOMPATIBLE": "It is made for another version of crmcore.",
}


def plugins_root(shapes: Shapes) -> RootField:
    """The field; who runs the operation supplies the list (`Run.plugins`)."""
    shapes.names("PluginState", "What became of a plugin when the server started.", _STATES)
    shapes.object(
        "PluginPermission", "Something that a plugin lets some do and others not.",
        lambda: [
            shaped("name", str, "What a scope of an app calls it, such as email.send."),
            shaped("description", str, "What it lets do."),
        ],
    )  # fmt: skip
    kind = shapes.object(
        "Plugin", "Something that extends the core. Its fields carry @plugin(name:).", lambda: _fields(shapes)
    )
    field = shaped("plugins", optional(listed(kind)), "The plugins that were found, by id.")
    return RootField(field, lambda _source, info: info.context.plugins())


def _fields(shapes: Shapes) -> list[Field]:
    return [
        shaped("id", ID, "Short name; what it adds to the graph begins with it."),
        shaped("title", str, "Name for people."),
        shaped("description", str, "What it does."),
        shaped("version", str, "Its version."),
        shaped("state", shapes["PluginState"], "What became of it."),
        shaped("permissions", listed(shapes["PluginPermission"]), "What it lets be granted to apps."),
        shaped("problems", listed(str), "Why it is not loaded; empty if it is."),
    ]
