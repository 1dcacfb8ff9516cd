"""`Query.plugins`: which plugins the app found, and what became of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import strawberry

from crmcore.schema.roots import RootField
from crmcore.schema.shapes import Shapes, listed, optional, shaped

Listing = Callable[[], Sequence[Any]]
"""Answers with objects that have the attributes of `Plugin`; the room of the plugins, which is not known here, does."""

STATES: Final = {
    "LOADED": "It is part of this app.",
    "DISABLED": "The settings leave it out.",
    "FAILED": "It could not be loaded; the problems say why.",
    "INCOMPATIBLE": "It is made for another version of crmcore's plugin API.",
}


def plugins_root(shapes: Shapes, listing: Listing) -> RootField:
    """The root field. It is asked for every time: a plugin may drop out while the schema is made."""
    state = shapes.names("PluginState", "What became of a plugin when the app was made.", STATES)
    fields = [
        shaped("id", strawberry.ID, "The plugin's id: its types, fields and tables begin with it."),
        shaped("title", str, "Its name, for people."),
        shaped("description", str, "What it does; empty if it could not be asked."),
        shaped("version", str, "Its version; empty if it could not be asked."),
        shaped("state", state, "What became of it."),
        shaped("problems", listed(str), "Why it is not loaded; empty if it is."),
    ]
    plugin = shapes.object("Plugin", "A plugin that was found.", lambda: fields)
    root = shaped("plugins", optional(listed(plugin)), "The plugins that were found, by id, whatever became of them.")
    return RootField(root, lambda _source, _info: listing())
