"""What is wrong with the hooks of a plugin's class, before one of them is called."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator
from typing import Any

from crmcore.plugins import specs
from crmcore.plugins.manifest import Manifest


def misspelt(plugin: Any) -> Iterator[str]:
    """Methods that were meant as hooks and are none."""
    known = [name for name in vars(specs) if name.startswith("crm_")]
    for name, method in inspect.getmembers(type(plugin), callable):
        options = getattr(method, f"{specs.PROJECT}_impl", None)
        if options is None and not name.startswith("crm_"):
            continue
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            yield f"{name} is no hook" + (f": did you mean {near[0]}?" if near else f"; there are {', '.join(known)}.")
        elif options is None:
            yield f"{name} is not marked with @hookimpl."
        elif options["wrapper"] or options["hookwrapper"]:
            yield f"{name} must be a plain hook: nothing is wrapped round the hooks of others."
        elif inspect.iscoroutinefunction(getattr(specs, name)) != inspect.iscoroutinefunction(method):
            kind = "an async" if inspect.iscoroutinefunction(getattr(specs, name)) else "a plain"
            yield f"{name} must be {kind} function."


def unfit_checks(meta: Manifest, plugin: Any) -> Iterator[str]:
    hooks = [hook for hook in ("crm_validate", "crm_before_commit") if hasattr(plugin, hook)]
    if hooks and not meta.checks:
        yield f"{hooks[0]} sees records that the manifest names in `checks`: name some, like checks=['Deal']."
    if meta.checks and not hooks:
        yield "checks: there is neither crm_validate nor crm_before_commit to see them."
