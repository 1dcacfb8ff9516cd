"""Rules, checks and effects of a plugin's own records: what goes wrong in them is the plugin's, and says so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

from crmcore.errors import CrmError, PluginFailed, Refusal
from crmcore.platform.calling import called
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.record import Draft, Record, Rule

T = TypeVar("T")
_CORE: Final = "core"


def apply_rule(rule: Rule, draft: Draft) -> Iterable[Refusal]:
    """What a record's rule says against a draft."""
    if draft.model._meta.app == _CORE:
        return rule(draft)
    try:
        return list(rule(draft))
    except CrmError:
        raise
    except Exception as error:
        raise PluginFailed(str(draft.model._meta.app), _place(draft.model, rule)) from error


async def call_owner(
    ctx: Context,
    model: type[Record],
    function: Callable[[Context, Transaction, Sequence[Draft]], Awaitable[T]],
    tx: Transaction,
    drafts: Sequence[Draft],
) -> T:
    """What a record's check or effect answers."""
    if model._meta.app == _CORE:
        return await function(ctx, tx, drafts)
    plugin = str(model._meta.app)
    return await called(ctx, plugin, _place(model, function), lambda: function(ctx, tx, drafts))


def _place(model: type[Record], function: Any) -> str:
    return f"{model.__name__}: {getattr(function, '__name__', 'rule')}"


__all__ = ["apply_rule", "call_owner"]
