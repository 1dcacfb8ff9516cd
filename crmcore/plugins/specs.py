"""The hooks: everything that crmcore asks of a plugin. A hook exists only if a real plugin uses it.

A plugin is a class with a manifest and the hooks it needs, each marked with `@hookimpl`:

    class Plugin:
        meta = Manifest(id="surveys", ...)

        @hookimpl
        def crm_graph(self) -> Sequence[type]:
            return [SurveysResponse, CustomerSurveys, SurveysResponseRecord]

An app makes one instance of it. A name or an argument that no hook here has is refused when the plugin is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pluggy

PROJECT: Final = "crmcore"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a method of a plugin's class as a hook."""


@hookspec
def crm_graph() -> Sequence[type]:  # type: ignore[empty-body]
    """What the plugin adds to the graph: its `@record`, `@extend` and `@action` classes.

    Called once when an app is made, before any database is open. Its records and actions are named `<Id>Xxx`, the
    fields that it adds to other records `<id>Xxx`; those fields are nullable or connections. Whatever is wrong with
    them, the plugin is left out and listed as failed; the rest of the app goes on.
    """
