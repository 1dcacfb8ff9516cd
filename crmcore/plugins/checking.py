"""The hooks inside a change's transaction: plugins look at what is written, one after the other, and may refuse it.

A plugin sees copies: what it does to them changes nothing. What it does in the database is in a savepoint of its own,
which is opened when it first uses it. A plugin that fails refuses the change, unless its manifest says `skip`.
"""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from crmcore.errors import PluginRefusal, Refusal, Refusals
from crmcore.platform.context import Context
from crmcore.platform.database import DatabaseError, Retryable, StorageFull, Transaction, Unavailable
from crmcore.platform.hooks import HookFault
from crmcore.platform.lent import Lent
from crmcore.platform.record import Draft, Record
from crmcore.plugins.contribution import Contribution
from crmcore.plugins.host import Host
from crmcore.plugins.manager import Plugins
from crmcore.query import RecordType

VALIDATE: Final = "crm_validate"
BEFORE_COMMIT: Final = "crm_before_commit"
BUDGETS: Final[Mapping[str, float]] = {VALIDATE: 0.1, BEFORE_COMMIT: 0.25}
PLUGIN_FAULT: Final = "PLUGIN_FAULT"

_THEIRS: Final = (Retryable, Unavailable, StorageFull)
"""The database's own troubles: the whole command meets them."""

Instances = Callable[[str, Context], Any]
"""The Crm with which a plugin acts in a context."""
Ready = Callable[[str, UUID, Transaction], Awaitable[bool]]
"""Whether a plugin has the settings that it needs in a tenant; until then it is not asked there."""

Said = list[tuple[Draft | None, Refusal]]


class Veto(PluginRefusal):
    """A plugin's no to a change. `code` is the plugin's own, for programs; `path` the input at fault."""

    def __init__(self, message: str, *, code: str = "", path: str | Sequence[str] = ()) -> None:
        super().__init__(message, *((path,) if isinstance(path, str) else path), reason=code)


@dataclass(frozen=True, slots=True)
class Checker:
    """A plugin that checks changes of some records."""

    plugin: str
    models: frozenset[type[Record]]
    hooks: Mapping[str, Callable[..., Any]]
    lenient: bool = False


def checkers(plugins: Plugins, records: Mapping[str, RecordType]) -> list[Checker]:
    """The plugins that check changes, in the order in which they are asked."""
    found: dict[str, Checker] = {}
    for hook in BUDGETS:
        for meta, function in plugins.implementations(hook):
            models = frozenset(records[name].written for name in meta.checks)
            known = found.get(meta.id)
            hooks = {**(known.hooks if known else {}), hook: function}
            found[meta.id] = Checker(meta.id, models, hooks, meta.on_error == "skip")
    return list(found.values())


def unknown_checks(share: Contribution, records: Mapping[str, RecordType]) -> None:
    """TypeError if a plugin wants to check what is no record."""
    for name in share.checks:
        if name not in records or records[name].is_log:
            near = difflib.get_close_matches(name, records, n=1)
            said = f": did you mean {near[0]}?" if near else "."
            raise TypeError(f"checks: {name} is no record whose changes could be checked{said}")


class Checks:
    """Those plugins, in their order; `author` are the plugins in whose own hooks the change is made: it is not handed
    to them again."""

    def __init__(
        self,
        host: Host,
        checkers: Sequence[Checker],
        instances: Instances,
        ready: Ready,
        authors: frozenset[str] = frozenset(),
    ) -> None:
        self._host = host
        self._ready = ready
        self._all = checkers
        self._instances = instances
        self._authors = authors
        self._checkers = [one for one in checkers if one.plugin not in authors]
        self._models = frozenset(model for one in self._checkers for model in one.models)

    def concerned(self, model: type[Record]) -> bool:
        return model in self._models

    async def validate(self, ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> None:
        for draft, refusal in await self._ask(VALIDATE, ctx, tx, drafts):
            if draft is None:
                raise Refusals([refusal])
            draft.refuse(refusal)

    async def before_commit(
        self, ctx: Context, tx: Transaction, drafts: Sequence[Draft]
    ) -> Sequence[tuple[Draft | None, Refusal]]:
        return await self._ask(BEFORE_COMMIT, ctx, tx, drafts)

    async def _ask(self, hook: str, ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> Said:
        """What the plugins say; the first one that is against anything is the last one asked."""
        for checker in self._checkers:
            mine = [draft for draft in drafts if draft.model in checker.models]
            if hook in checker.hooks and mine and await self._ready(checker.plugin, ctx.tenant_id, tx):
                said = await self._call(checker, hook, ctx, tx, mine)
                if said:
                    return said
        return []

    async def _call(self, checker: Checker, hook: str, ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> Said:
        plugin = checker.plugin
        shown = [_copy(draft) for draft in drafts]
        lent = Lent(ctx.db, tx)
        own = replace(
            ctx, db=lent, hooks=Checks(self._host, self._all, self._instances, self._ready, self._authors | {plugin})
        )
        try:
            async with lent:
                arguments = {"drafts": shown, "crm": self._instances(plugin, own)}
                await self._host.call(plugin, hook, checker.hooks[hook], budget=BUDGETS[hook], **arguments)
                said = self._said(plugin, hook, drafts, shown)
                if said:
                    raise _Undo
        except _Undo:
            return said
        except HookFault as fault:
            if fault.runaway:  # what still runs holds the transaction: only its end is sure
                raise
            return _failed(checker, fault, drafts)
        except _THEIRS:
            raise
        except DatabaseError as error:
            if lent.failed is error:  # the change's own rows, which went out in the call
                raise
            return _failed(checker, self._host.blame(plugin, hook, error), drafts)
        except (Refusal, Refusals) as refused:
            refusals = refused.refusals if isinstance(refused, Refusals) else [refused]
            only = drafts[0] if len(drafts) == 1 else None
            return [(only, _signed(plugin, refusal)) for refusal in refusals]
        return []

    def _said(self, plugin: str, hook: str, drafts: Sequence[Draft], shown: Sequence[Draft]) -> Said:
        """What the plugin said against each draft."""
        said: Said = []
        for draft, copy in zip(drafts, shown):
            for refusal in copy.refusals:
                if not isinstance(refusal, Refusal):
                    raise self._host.blame(plugin, hook, TypeError(f"{refusal!r} is no refusal"))
                said.append((draft, _signed(plugin, refusal)))
        return said


def _failed(checker: Checker, fault: HookFault, drafts: Sequence[Draft]) -> Said:
    """What becomes of a change whose check failed."""
    if checker.lenient:
        return []
    text = f"{fault} Nothing was saved."
    return [(draft, PluginRefusal(text, plugin=checker.plugin, reason=PLUGIN_FAULT)) for draft in drafts]


class _Undo(Exception):
    """Undoes what a plugin wrote that refuses the change."""


def _signed(plugin: str, refusal: Refusal) -> Refusal:
    """The refusal with the plugin's name."""
    refusal.change = None
    if isinstance(refusal, PluginRefusal):
        refusal.details = {"reason": "", **refusal.details, "plugin": plugin}
    return refusal


def _copy(draft: Draft) -> Draft:
    """What a plugin sees of a draft: it may read everything and change nothing."""
    before = None if draft.before is None else MappingProxyType(dict(draft.before))
    after: Any = MappingProxyType(dict(draft.after))
    copy = Draft(draft.operation, draft.model, draft.id, before, after, draft.index, draft.moves)
    copy.notes, copy.named = MappingProxyType(dict(draft.notes)), dict(draft.named)
    copy.events = list(draft.events)
    return copy


__all__ = [
    "BEFORE_COMMIT", "BUDGETS", "PLUGIN_FAULT", "VALIDATE", "Checker", "Checks", "Instances", "Veto",
    "checkers", "unknown_checks",
]  # fmt: skip
