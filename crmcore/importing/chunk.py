"""Writing a chunk of rows: each whole or not at all, and those that lean on each other together."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from crmcore.importing.parsing import ParsedRow
from crmcore.importing.planning import Plan, Planned, Planner
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.records import Refused, Written, write


@dataclass(slots=True)
class Outcome:
    """What became of a chunk; remembered once it is committed."""

    written: list[tuple[Planned, Written | Refused | None]] = field(default_factory=list)
    saved: list[ParsedRow] = field(default_factory=list)
    waiting: dict[int, str] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)


async def write_chunk(ctx: Context, tx: Transaction, planner: Planner, rows: Sequence[ParsedRow]) -> Outcome:
    """Write the rows that can be written, each with all its records or none."""
    outcome = Outcome()
    await planner.learn(tx, rows)
    active = list(rows)
    while active:
        plan = planner.plan(active)
        outcome.waiting |= plan.waiting
        outcome.refused |= plan.refused
        groups = _groups(plan)
        answers, said = await _changes(ctx, tx, plan, groups)
        refused, again = _refusals(plan, said, groups)
        outcome.refused |= refused
        left = refused.keys() | again | plan.waiting.keys() | plan.refused.keys()
        good = [p for p in plan.planned if p.row.line.number not in left]
        planner.keep(good)
        outcome.written += [(p, answers.get(id(p))) for p in good]
        outcome.saved += [row for row in active if row.line.number not in left]
        active = [row for row in active if row.line.number in again]
    return outcome


async def _changes(
    ctx: Context, tx: Transaction, plan: Plan, groups: Mapping[int, int]
) -> tuple[dict[int, Written | Refused], dict[int, list[str]]]:
    """The engine's answers by the identity of what was planned, and its words against each row, by line.

    Of a row all is written or none, and so of rows that share a record which one of them is to write.
    """
    asked = [(planned, planned.change) for planned in plan.planned if planned.change is not None]
    if not asked:
        return {}, {}
    rows = [groups[planned.row.line.number] for planned, _ in asked]
    answers = await write(ctx, [change for _, change in asked], tx=tx, partial=True, groups=rows)
    said: dict[int, dict[str, None]] = {}
    for answer in answers:
        for refusal in answer.refusals if isinstance(answer, Refused) else ():
            at_fault = asked[refusal.index][0]
            words = f"{at_fault.record.bound.name}: {refusal.message}"
            said.setdefault(at_fault.row.line.number, {})[words] = None
    found = {id(planned): answer for (planned, _), answer in zip(asked, answers, strict=True)}
    return found, {line: list(words) for line, words in said.items()}


def _groups(plan: Plan) -> dict[int, int]:
    """By line, the line that stands for all rows which share a record with it."""
    groups = {row.line.number: row.line.number for row in plan.rows}

    def head(line: int) -> int:
        while groups[line] != line:
            line = groups[line]
        return line

    for row in plan.rows:
        for record in row.records:
            owner = plan.owners.get(record.key)
            if owner is not None and owner is not row:
                groups[head(row.line.number)] = head(owner.line.number)
    return {line: head(line) for line in groups}


def _refusals(
    plan: Plan, said: Mapping[int, Sequence[str]], groups: Mapping[int, int]
) -> tuple[dict[int, str], set[int]]:
    """The rows that are refused, and why; and the rows to try again without them.

    Tried again are those that only named a record which a refused row was to make, and those of its group.
    """
    leaning = {row.line.number for row in plan.rows if row.line.number in said and _leans(row, plan, said)}
    if leaning == said.keys():
        leaning = set()
    refused = {line: "; ".join(words) for line, words in said.items() if line not in leaning}
    fallen = {groups[line] for line in said}
    return refused, {line for line, group in groups.items() if group in fallen and line not in refused}


def _leans(row: ParsedRow, plan: Plan, refused: Container[int]) -> bool:
    """Whether the row names a record that another refused row was to make."""
    named = (key for record in row.records for key in (record.key, *record.refs.values()))
    owners = (plan.owners.get(key) for key in named)
    return any(o is not None and o is not row and o.line.number in refused for o in owners)
