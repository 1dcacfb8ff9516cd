"""The write engine: changes become rows, facts and what follows from them, in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial as bind
from typing import Any, Final, Literal, TypeVar, overload

from crmcore.errors import Refusal, Refusals
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction, UniqueViolation, retrying
from crmcore.platform.hooks import ChangeHooks
from crmcore.platform.record import Change, Draft, Record
from crmcore.platform.search import write_entries
from crmcore.records import history
from crmcore.records.adding import save_added
from crmcore.records.changes import Create, Refused, Written
from crmcore.records.custom import check_custom_uniques, take_custom
from crmcore.records.deletion import draft_deletions, draft_restorations
from crmcore.records.drafting import draft_creates, draft_updates, fold, refuse_missing
from crmcore.records.external import check_refs
from crmcore.records.outcome import Said, let_fall, raise_refusals
from crmcore.records.owners import apply_rule, call_owner
from crmcore.records.parts import unfold
from crmcore.records.references import check_references
from crmcore.records.saving import write_rows
from crmcore.records.searching import entries_of
from crmcore.records.shape import shape_of
from crmcore.records.step import DraftKey, Step, is_changed
from crmcore.records.transitions import write_transitions
from crmcore.records.uniques import check_ids, check_uniques, explain

ROUNDS: Final = 16
"""How often effects may lead to further effects before it is taken for a ring."""

ATTEMPTS: Final = 8
"""How often a command looks again when others take its unique values at the same time."""

T = TypeVar("T")
Groups = Sequence[Hashable] | None


@overload
async def write(
    ctx: Context, changes: Sequence[Change], *, tx: Transaction | None = None, partial: Literal[False] = False
) -> list[Written]: ...
@overload
async def write(
    ctx: Context, changes: Sequence[Change], *, tx: Transaction | None = None, partial: bool, groups: Groups = None
) -> list[Written | Refused]: ...
async def write(
    ctx: Context,
    changes: Sequence[Change],
    *,
    tx: Transaction | None = None,
    partial: bool = False,
    groups: Groups = None,
) -> Sequence[Written | Refused]:
    """Make the changes, in the transaction given or in one of their own; the answers are in their order.

    Refusals ends an all-or-nothing command, and nothing of it was done. With `partial`, refused changes are answered
    by `Refused` and the others are made; of changes in one group (`groups` names one for each change) all are made or
    none. Deletions come first, then new records, then updates; a new record may name another of the same command.
    """
    if partial and ctx.hooks is not None:
        return await without_vetoed(ctx, tx, changes, groups)
    if tx is not None:
        return await Command(ctx, tx, partial, groups).run(changes)
    return await in_its_own(ctx, lambda own, wary: Command(ctx, own, partial, groups, wary, last=True).run(changes))


async def without_vetoed(
    ctx: Context, tx: Transaction | None, changes: Sequence[Change], groups: Groups
) -> list[Written | Refused]:
    """A partial command that plugins may veto when it is written: it is undone then, and made again without the changes
    that they are against, and those of their groups. If they do not say which, each half is tried alone."""
    if tx is None:
        return await in_its_own(ctx, lambda own, _wary: without_vetoed(ctx, own, changes, groups))
    answers: dict[int, Written | Refused] = {}
    waiting = [list(range(len(changes)))]
    while waiting:
        places = waiting.pop(0)
        together = [groups[place] if groups else place for place in places]
        command = Command(ctx, tx, True, together)
        try:
            async with tx.savepoint():
                written = await command.run([changes[place] for place in places])
        except Refusals as refusals:
            if taken_meanwhile(refusals) or not places:
                raise
            _move(refusals.refusals, places)
            kinds = list(dict.fromkeys(together))
            fallen = {together[n] for n in command.vetoed} or (set(kinds) if len(kinds) == 1 else set())
            said = Refused(tuple(refusals.refusals))
            answers |= {place: said for place, kind in zip(places, together) if kind in fallen}
            left = [kind for kind in kinds if kind not in fallen]
            parts = [left] if fallen else [left[: len(left) // 2], left[len(left) // 2 :]]
            again = [[place for place, kind in zip(places, together) if kind in part] for part in parts]
            waiting[:0] = [part for part in again if part]
        else:
            _move([r for one in written if isinstance(one, Refused) for r in one.refusals], places)
            answers |= dict(zip(places, written))
    return [answers[place] for place in range(len(changes))]


def _move(refusals: Sequence[Refusal], places: Sequence[int]) -> None:
    """Let refusals say which of all changes they are against, not which of those that were left."""
    for refusal in {id(refusal): refusal for refusal in refusals}.values():
        refusal.index = places[refusal.index] if refusal.index < len(places) else refusal.index


async def in_its_own(ctx: Context, work: Callable[[Transaction, bool], Awaitable[T]]) -> T:
    """Run `work`, which writes, in a transaction of its own; again when the database asks for it, and when another
    command took a unique value between our look and our write: `wary` then, to find which record has it."""

    async def attempt(wary: bool) -> T:
        async with ctx.db.transaction() as own:
            return await work(own, wary)

    for again in range(ATTEMPTS):
        try:
            return await retrying(bind(attempt, again > 0))
        except Refusals as refusals:
            if again == ATTEMPTS - 1 or not taken_meanwhile(refusals):
                raise
    raise AssertionError


def taken_meanwhile(refusals: Refusals) -> bool:
    """Whether it was the database that found a unique value taken: looking again tells which record has it."""
    return isinstance(refusals.__cause__, UniqueViolation)


class Command:
    """One command in its transaction: the round that was asked for, and the rounds that follow from it. `last` says
    that the transaction does nothing after it."""

    def __init__(
        self,
        ctx: Context,
        tx: Transaction,
        partial: bool,
        groups: Groups = None,
        wary: bool = False,
        *,
        last: bool = False,
    ) -> None:
        self.ctx, self.tx, self.partial, self.groups, self.wary = ctx, tx, partial, groups, wary
        self.last = last
        self.at = ctx.clock()
        self.asked: Sequence[Change] = ()
        self.vetoed: set[int] = set()
        self.drafts: list[Draft] = []
        self.told: list[tuple[Draft, list[str]]] = []
        self.versions: dict[DraftKey, int] = {}
        self.changed: dict[DraftKey, set[str]] = defaultdict(set)
        self.saved: dict[DraftKey, list[Change]] = defaultdict(list)

    async def run(self, changes: Sequence[Change]) -> list[Written | Refused]:
        """Make the changes and what follows; an answer for each."""
        self.asked, self.families = unfold(changes)
        self.first = Step(self.ctx, self.tx, self.at, self.asked, wary=self.wary)
        groups = self.groups
        self._together = [groups[n] if groups else n for n, family in enumerate(self.families) for _ in family]
        await self._finish(self._round(self.first))
        said = Said(self.first, self._together) if self.first.fallen else None
        return [self._answer(family, said) for family in self.families]

    async def run_prepared(self, prepare: Callable[[Step], Awaitable[None]]) -> None:
        """The same, of drafts that `prepare` makes itself and answers for, as a merge does: only what must be unique
        is checked. They are written, told and followed by effects like any others."""
        await self._finish(self._prepared(Step(self.ctx, self.tx, self.at, derived=True), prepare))

    async def _finish(self, first: Awaitable[list[Change]]) -> None:
        """The first round, those that follow from it, and what they leave behind."""
        try:
            await self._rounds(first)
            await history.write_history(self.ctx, self.tx, self.told)
            await write_transitions(self.ctx, self.tx, self.told)
            await write_entries(self.tx, entries_of(self.told))
            if self.ctx.hooks is not None:
                await self._ask(self.ctx.hooks)
            await self.tx.send(last=self.last)
        except UniqueViolation as violation:
            raise Refusals([explain(self.drafts, violation)]) from violation
        for draft in self.drafts:  # each knows all of them: without this ring they are freed at once
            draft.peers = {}

    async def _ask(self, hooks: ChangeHooks) -> None:
        """Let plugins see what is written, and end the command if one is against it."""
        drafts = [draft for draft, _ in self.told if hooks.concerned(draft.model)]
        said = await hooks.before_commit(self.ctx, self.tx, drafts) if drafts else ()
        own = self.first.drafts if self.asked else {}
        for against, refusal in said:
            if against is None or (against.model, against.id) not in own:
                continue
            refusal.index, refusal.change = against.index, self.asked[against.index]
            self.vetoed.update(n for n, family in enumerate(self.families) if against.index in family)
        if said:
            raise Refusals([refusal for _, refusal in said])

    def wrote(self, place: int) -> bool:
        """Whether the change that was given at `place`, or one of its parts, came to anything."""
        drafts = [draft for index in self.families[place] if (draft := self.first.slots[index]) is not None]
        keys = {(draft.model, draft.id) for draft in drafts}
        saved = [change for key in keys for change in self.saved.get(key, ())]
        keys.update((change.model, change.id) for change in saved if change.id is not None)
        return any(isinstance(change, Create) for change in saved) or not keys.isdisjoint(self.versions)

    async def _rounds(self, first: Awaitable[list[Change]]) -> None:
        following = await first
        rounds = 0
        while following:
            rounds += 1
            if rounds > ROUNDS:
                raise RuntimeError(f"Effects run in a ring: still {following[0]} after {ROUNDS} rounds.")
            following = await self._round(Step(self.ctx, self.tx, self.at, following, derived=True))

    def _answer(self, family: range, said: Said | None) -> Written | Refused:
        if said is not None and (against := said.against(family)) is not None:
            return Refused(against)
        draft = self.first.slots[family[0]]
        assert draft is not None
        key = (draft.model, draft.id)
        version = self.versions.get(key) or draft.after["version"]
        return Written(draft.id, version, frozenset(self.changed.get(key, ())))

    async def _round(self, step: Step) -> list[Change]:
        """Make the changes of a round; answers with those that follow."""
        step.slots = [None] * len(step.changes)
        await _draft(step, step.changes)
        await _check(step)
        if self.partial and not step.derived:
            let_fall(step, self._together)
            await _settle(step)
            let_fall(step, self._together)
        else:
            await _settle(step)
            raise_refusals(step)
        return await self._carry_out(step)

    async def _prepared(self, step: Step, prepare: Callable[[Step], Awaitable[None]]) -> list[Change]:
        await prepare(step)
        await _settle(step)
        raise_refusals(step)
        return await self._carry_out(step)

    async def _carry_out(self, step: Step) -> list[Change]:
        """Write what the drafts say; answers with what follows."""
        self.drafts += step.drafts.values()
        written = await write_rows(step)
        for draft, changed in written:
            self.told.append((draft, changed))
            self.versions[draft.model, draft.id] = draft.after["version"]
            self.changed[draft.model, draft.id].update(changed)
        following = await _effects(step, [draft for draft, _ in written])
        return following + await self._save(step) if step.added else following

    async def _save(self, step: Step) -> list[Change]:
        """Let plugins save what was given to them; answers with what they change."""
        saved = await save_added(step)
        for key, changes in saved.items():
            self.saved[key].extend(changes)
        return list({id(change): change for changes in saved.values() for change in changes}.values())


async def _draft(step: Step, changes: Sequence[Change]) -> None:
    draft_creates(step, changes)
    await draft_deletions(step, changes)
    await draft_restorations(step, changes)
    await draft_updates(step, changes)


async def _check(step: Step) -> None:
    """Each record's own rules and checks, and the references. An update without a change is not looked at."""
    await take_custom(step)
    for draft in list(step.alive("create", "update")):
        if is_changed(draft):
            for rule in draft.model.special.rules:
                for refusal in apply_rule(rule, draft):
                    draft.refuse(refusal)
    if not step.derived:
        await check_references(step)
    for model, drafts in step.by_model("create", "update"):
        moved = [d for d in drafts if is_changed(d)]
        for check in model.special.checks if moved else ():
            await call_owner(step.ctx, model, check, step.tx, [d for d in moved if not d.refusals])
    for draft in step.drafts.values():
        if draft.operation in ("create", "update"):
            refuse_missing(draft)
            fold(draft, shape_of(draft.model))
    hooks = step.ctx.hooks
    if hooks is not None:
        drafts = [d for d in step.drafts.values() if hooks.concerned(d.model) and step.stays(d) and _moves(d)]
        if drafts:
            await hooks.validate(step.ctx, step.tx, drafts)


def _moves(draft: Draft) -> bool:
    """Whether anything is to be done: not for an update that changes nothing."""
    return draft.operation != "update" or draft.always or is_changed(draft)


async def _settle(step: Step) -> None:
    """What must be unique: asked last, of what nothing else was said against."""
    await check_refs(step)
    if step.wary:
        await check_ids(step)
    await check_uniques(step)
    await check_custom_uniques(step)


async def _effects(step: Step, drafts: Sequence[Draft]) -> list[Change]:
    """What follows from the drafts that were written."""
    by_model: dict[type[Record], list[Draft]] = defaultdict(list)
    for draft in drafts:
        by_model[draft.model].append(draft)
    following: list[Any] = []
    for model in sorted(by_model, key=step.ctx.graph.rank):
        for effect in model.special.effects:
            following += await call_owner(step.ctx, model, effect, step.tx, by_model[model])
    return following
