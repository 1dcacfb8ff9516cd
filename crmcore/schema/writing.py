"""From the changes that a mutation asks for to its payload: the one place where they are made and answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crmcore.errors import Refusal, Refusals
from crmcore.platform.record import Record
from crmcore.query import RecordType, Ref, Registry
from crmcore.records import Done, Item, Match, Refused, Upsert, WriteOutcome, keys_of, matches_of, write_each
from crmcore.schema.errors import UserError, user_error
from crmcore.schema.functions.arguments import AddedInput
from crmcore.schema.resolving import Results, Run
from crmcore.schema.writable import Writable

Payload = dict[str, Any]


class Writing:
    """The records of one schema that may be written: how their inputs are read, and what they are answered."""

    def __init__(self, registry: Registry, added: Mapping[str, Sequence[AddedInput]]) -> None:
        self.of: dict[type[Record], Writable] = {}
        for record in registry.records.values():
            if not record.is_log:
                self.of[record.written] = Writable(registry, record, self.of, added.get(record.name, ()))

    def matches(self, record: RecordType) -> dict[str, Match]:
        """The ways in which an upsert may find the record."""
        naming = [key for model in self.of for key in keys_of(model) if key.target is record.written]
        return matches_of(record.written, naming)

    async def one(self, run: Run, record: RecordType, item: Item) -> Payload:
        """Do one thing: the record's payload."""
        try:
            [answer] = await write_each(run.ctx, [item])
        except (Refusal, Refusals) as refused:
            answer = _refused(refused)
            for one in answer.refusals:
                one.change = one.change or (item.create if isinstance(item, Upsert) else item)
        run.refused = isinstance(answer, Refused)
        return self._payload(record, answer)

    async def each(self, run: Run, record: RecordType, items: Sequence[Item], *, partial: bool) -> Payload:
        """Do many: the payload of the batch."""
        try:
            answers = await write_each(run.ctx, items, partial=partial)
        except (Refusal, Refusals) as refused:
            run.refused = True
            return {"results": [], "errors": [self._error(record, one) for one in _refused(refused).refusals]}
        run.refused = bool(answers) and all(_undone(answer) for answer in answers)
        results = Results(self._payload(record, answer) for answer in answers)
        return {"results": results, "errors": [error for result in results for error in result["errors"]]}

    def _payload(self, record: RecordType, answer: Done | Refused) -> Payload:
        if isinstance(answer, Refused):
            errors = [self._error(record, one) for one in answer.refusals]
            return {record.root: None, "outcome": WriteOutcome.REFUSED, "errors": errors}
        deleted = answer.outcome is WriteOutcome.DELETED
        found = None if answer.id is None else Ref(record.name, answer.id, deleted)
        return {record.root: found, "outcome": answer.outcome, "errors": []}

    def _error(self, record: RecordType, one: Refusal) -> UserError:
        if one.change is None:
            return user_error(one, [], record.table)
        writable = self.of[one.change.model]
        return user_error(one, writable.place(one), writable.record.table)


def _undone(answer: Done | Refused) -> bool:
    return isinstance(answer, Refused) or answer.outcome is WriteOutcome.NOT_DONE


def _refused(refused: Refusal | Refusals) -> Refused:
    return Refused(tuple(refused.refusals) if isinstance(refused, Refusals) else (refused,))
