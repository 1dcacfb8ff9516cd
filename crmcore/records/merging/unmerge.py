"""A merge undone: the merged records live again, and what came from them goes back unless somebody changed it since."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from crmcore.errors import Conflict, Forbidden, NotFound, Policy, WrongState
from crmcore.kit import times
from crmcore.kit.ids import to_global
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.record import Draft, Event, Record
from crmcore.records.drafting import fold
from crmcore.records.external import restore_refs, return_refs
from crmcore.records.hierarchy import take_turns
from crmcore.records.history import CUSTOM
from crmcore.records.merging.choosing import POINTER
from crmcore.records.merging.merge import Merged
from crmcore.records.merging.models import MergeRecord, RowFate
from crmcore.records.merging.naming import names_itself
from crmcore.records.merging.trail import RelationOutcome, read_trail
from crmcore.records.rows import Life, Row, load, patch, select
from crmcore.records.shape import shape_of
from crmcore.records.step import Step
from crmcore.records.uniques import key_in
from crmcore.records.write import Command, in_its_own


async def unmerge(ctx: Context, merge_id: UUID, *, model: type[Record], expected_version: int | None = None) -> Merged:
    """Undo a merge of records of `model`. WrongState if that was done already; Policy if what it takes is gone."""

    async def run(tx: Transaction) -> Merged:
        found = await load(ctx, tx, MergeRecord, [merge_id], "NO KEY UPDATE")
        record = found.get(merge_id)
        if record is None or record["record_type"] != shape_of(model).table:
            raise NotFound("There is no such merge, or you may not see it.", "id")
        return await _Unmerge(ctx, tx, model, record).run(expected_version)

    return await in_its_own(ctx, lambda own, _wary: run(own))


class _Unmerge:
    """The undoing of one merge, in its transaction."""

    def __init__(self, ctx: Context, tx: Transaction, model: type[Record], record: Row) -> None:
        self.ctx, self.tx, self.model, self.record = ctx, tx, model, record
        self.table = shape_of(model).table
        self.survivor: UUID = record["survivor_id"]
        self.others = [UUID(one) for one in record["merged"]]
        self.kept_fields: list[str] = []
        self.moved, self.stayed = Counter[tuple[str, str]](), Counter[tuple[str, str]]()

    async def run(self, expected_version: int | None) -> Merged:
        self._check_may(expected_version)
        if names_itself(self.model):
            await take_turns(self.ctx, self.tx)
        survivor, others = await self._rows()
        trail = await read_trail(self.ctx, self.tx, self.record["id"])
        command = Command(self.ctx, self.tx, partial=False)
        await command.run_prepared(lambda step: self._draft(step, survivor, others, trail))
        pointers = [{"id": row["id"], POINTER: None} for row in others]
        await patch(self.ctx, self.tx, self.model, [POINTER], pointers)
        keys = sorted({*self.moved, *self.stayed})
        relations = [RelationOutcome(*key, self.moved[key], 0, self.stayed[key]) for key in keys]
        return Merged(self.record["id"], self.survivor, (), relations, self.kept_fields, self.others)

    def _check_may(self, expected_version: int | None) -> None:
        policy, version, undone = self.ctx.policy, self.record["version"], self.record["undone_at"]
        if not (policy.may("update", self.table) and policy.may("restore", self.table)):
            raise Forbidden("You may not undo this merge: that takes the rights to update and to restore.")
        if expected_version is not None and expected_version != version:
            text = f"This merge is at version {version}, not {expected_version}: read it again and decide anew."
            raise Conflict(text, "expectedVersion", current_version=version, changed_fields=["undoneAt"])
        if undone is not None:
            text = f"This merge was undone already, at {times.to_text(undone)}."
            raise WrongState(text, "id", current="UNDONE", allowed=[])

    async def _rows(self) -> tuple[Row, list[Row]]:
        """The survivor, and those to be brought back, in the order in which they were named."""
        said = self.table.replace("_", " ")
        living = await select(self.ctx, self.tx, self.model, ("id",), [self.survivor], lock="UPDATE")
        if not living:
            text = f"The {said} that survived is deleted, or was merged itself: bring it back first."
            raise Policy(text, "id")
        gone = await self._select(self.model, self.others, "deleted")
        found = {row["id"]: row for row in gone if row["deletion_id"] == self.record["deletion"]}
        if len(found) < len(self.others):
            raise Policy(f"A {said} that was merged is no longer there as the merge left it: nothing was undone.", "id")
        return living[0], [found[key] for key in self.others]

    async def _select(self, model: type[Record], ids: Iterable[UUID], life: Life) -> list[Row]:
        return await select(self.ctx, self.tx, model, ("id",), ids, lock="UPDATE", life=life, seen=False)

    async def _draft(self, step: Step, survivor: Row, others: list[Row], trail: list[Row]) -> None:
        draft = self._survivor(step, survivor)
        for row in others:
            back = Draft("restore", self.model, row["id"], row, dict(row), peers=step.drafts)
            back.after |= {"deleted_at": None, "deletion_id": None, POINTER: None}
            step.drafts[self.model, row["id"]] = back
        by_table: defaultdict[str, list[Row]] = defaultdict(list)
        for row in trail:
            by_table[row["record_type"]].append(row)
        homes = {row["record_id"]: row["from_id"] for row in by_table.pop("external_ref", ())}
        returned = await return_refs(step, draft, homes) if homes else 0
        self._count("external_ref", "record_id", returned, len(homes) - returned)
        for table in sorted(by_table, key=lambda t: step.ctx.graph.rank(step.ctx.graph.tables[t])):
            await self._return(step, step.ctx.graph.tables[table], by_table[table])
        await restore_refs(step, {self.record["deletion"]: step.drafts[self.model, self.others[0]]})
        await self._check(step)
        self._record(step)

    def _survivor(self, step: Step, row: Row) -> Draft:
        """The survivor with its own values again, where they are still what the merge made of them."""
        draft = Draft("update", self.model, self.survivor, row, dict(row), peers=step.drafts, always=True)
        step.drafts[self.model, self.survivor] = draft
        shape = shape_of(self.model)
        for name, (before, after) in self.record["fields"].items():
            column = shape.own.get(name)
            if column is None:
                continue
            if name == CUSTOM:
                draft.after[name] = self._custom(row[name] or {}, before or {}, after or {})
            elif row[name] == column.from_driver(after):
                draft.after[name] = column.from_driver(before)
            elif row[name] != column.from_driver(before):
                self.kept_fields.append(shape.api_name(name))
        draft.notes = {
            "mergeId": to_global("merge_record", self.record["id"]),
            "unmerged": [to_global(self.table, key) for key in self.others],
        }
        draft.events.append(Event(f"{self.table}.unmerged", "A merge was undone."))
        return draft

    def _custom(
        self, now: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        values = dict(now)
        for slot in {*before, *after}:
            if before.get(slot) == after.get(slot):
                continue
            if now.get(slot) != after.get(slot):
                self.kept_fields.append("customFields")
            elif before.get(slot) is None:
                values.pop(slot, None)
            else:
                values[slot] = before[slot]
        return values or None

    def _count(self, table: str, name: str, moved: int, stayed: int) -> None:
        if moved:
            self.moved[table, name] += moved
        if stayed:
            self.stayed[table, name] += stayed

    async def _return(self, step: Step, model: type[Record], trail: list[Row]) -> None:
        """The rows of one kind go back: living ones as updates, deleted ones quietly, those set aside live again."""
        table = shape_of(model).table
        ids = {row["record_id"] for row in trail}
        living = {row["id"]: row for row in await self._select(model, ids, "living")}
        deleted = {row["id"]: row for row in await self._select(model, ids, "deleted")}
        touched: dict[UUID, Row] = {}
        for row in sorted(trail, key=lambda row: row["fate"] is RowFate.UNMARKED):
            key, fate, name = row["record_id"], row["fate"], row["field"]
            if fate is RowFate.SET_ASIDE:
                self._bring_back(step, model, deleted.get(key))
                done = key in deleted
            elif key in living:
                done = self._undo(self._draft_of(step, model, living[key]).after, row)
            elif done := key in deleted and self._undo(deleted[key], row):
                touched[key] = deleted[key]
            self._count(table, name or "", int(done), int(not done))
        if touched:
            columns = {row["field"] for row in trail if row["fate"] is RowFate.MOVED}
            custom = {CUSTOM} if any(row["fate"] in (RowFate.VALUE, RowFate.CLEARED) for row in trail) else set()
            marks = {row["field"] for row in trail if row["fate"] is RowFate.UNMARKED}
            await patch(self.ctx, self.tx, model, columns | custom | marks, list(touched.values()))

    def _draft_of(self, step: Step, model: type[Record], row: Row) -> Draft:
        key = (model, row["id"])
        if key not in step.drafts:
            step.drafts[key] = Draft("update", model, row["id"], row, dict(row), peers=step.drafts)
        return step.drafts[key]

    def _bring_back(self, step: Step, model: type[Record], row: Row | None) -> None:
        if row is not None and row["deletion_id"] == self.record["deletion"]:
            back = Draft("restore", model, row["id"], row, dict(row), peers=step.drafts)
            back.after |= {"deleted_at": None, "deletion_id": None}
            step.drafts[model, row["id"]] = back

    def _undo(self, after: dict[str, Any], row: Row) -> bool:
        """Take one thing back that the merge did to a row; whether it was still as the merge left it."""
        fate, name = row["fate"], row["field"]
        if fate is RowFate.MOVED:
            if after[name] != self.survivor:
                return False
            after[name] = row["from_id"]
        elif fate is RowFate.UNMARKED:
            if row["from_id"] not in after.values():
                return False
            after[name] = True
        else:
            values = dict(after[CUSTOM] or {})
            as_left = None if fate is RowFate.CLEARED else to_global(self.table, self.survivor)
            if values.get(name) != as_left:
                return False
            after[CUSTOM] = {**values, name: to_global(self.table, row["from_id"])}
        return True

    async def _check(self, step: Step) -> None:
        """What belongs to whom is as it was; rules and rings are asked of the merged kind, marks of all."""
        drafts = [d for d in step.drafts.values() if d.model is self.model and d.operation == "update"]
        for rule in self.model.special.rules:
            for refusal in rule(step.drafts[self.model, self.survivor]):
                step.drafts[self.model, self.survivor].refuse(refusal)
        for check in self.model.special.checks:
            await check(step.ctx, step.tx, drafts)
        fold(step.drafts[self.model, self.survivor], shape_of(self.model))
        _one_mark_each(step)

    def _record(self, step: Step) -> None:
        after = {**self.record, "undone_at": step.at}
        step.drafts[MergeRecord, self.record["id"]] = Draft(
            "update", MergeRecord, self.record["id"], self.record, after, peers=step.drafts
        )


def _one_mark_each(step: Step) -> None:
    """A mark that somebody gave away since does not come back."""
    held: set[tuple[Any, ...]] = set()
    drafts = sorted(step.drafts.values(), key=lambda d: d.operation == "update" and _gains_mark(d))
    for draft in drafts:
        for unique in (*draft.model.special.unique, *draft.model.special.once):
            key = key_in(unique, draft.after) if unique.where and draft.operation != "delete" else None
            if key is None:
                continue
            if (draft.model, unique, key) in held and draft.operation == "update" and _gains_mark(draft):
                draft.after[unique.where] = False
            held.add((draft.model, unique, key))


def _gains_mark(draft: Draft) -> bool:
    before = draft.before or {}
    return any(
        unique.where and draft.after[unique.where] and not before.get(unique.where)
        for unique in (*draft.model.special.unique, *draft.model.special.once)
    )
