"""What can happen to records, as data: `eventTypes` and `stateMachines`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from crmcore.kit.choices import described
from crmcore.kit.text import camel
from crmcore.platform.machine import Machine
from crmcore.query import RecordType, Registry
from crmcore.records.catalogue import events_of
from crmcore.records.shape import shape_of
from crmcore.schema.roots import RootField
from crmcore.schema.shapes import Shapes, listed, optional, shaped


@dataclass(frozen=True, slots=True)
class EventType:
    """A type of event; the attributes are the fields of the graph's type."""

    name: str
    recordType: str  # noqa: N815  named like the field it answers
    description: str
    fields: list[str]


@dataclass(frozen=True, slots=True)
class State:
    """A state of a machine, likewise."""

    name: str
    description: str | None
    moves: list[str]
    requires: list[str]


@dataclass(frozen=True, slots=True)
class StateMachine:
    """A machine, likewise."""

    type: str
    field: str
    initial: str
    states: list[State]


def event_types(registry: Registry) -> Iterator[EventType]:
    """Every type of event that the app can record, in the order of the records' tables."""
    for record in _records(registry):
        fields = [*shape_of(record.written).own, "external_refs", "version"]
        for event in events_of(record.written).values():
            yield EventType(event.name, record.table, event.description, sorted(fields))


def state_machines(registry: Registry) -> Iterator[StateMachine]:
    """Every machine, in the order of the records' tables."""
    for record in _records(registry):
        if (machine := record.rules.machine) is not None:
            states = [_state(machine, state) for state in machine.moves]
            yield StateMachine(record.table, camel(machine.column), str(machine.initial), states)


def lifecycle_roots(registry: Registry, shapes: Shapes) -> Iterable[RootField]:
    """The two root fields."""
    _make_types(shapes)
    events, machines = list(event_types(registry)), list(state_machines(registry))
    said = "Every type of event that can be recorded, for webhooks, subscriptions and the audit log."
    field = shaped("eventTypes", optional(listed(shapes["EventType"])), said)
    yield RootField(field, lambda _source, _info: events)
    said = "Every state machine: which states there are, and which may follow which. Deals move as your pipelines say."
    field = shaped("stateMachines", optional(listed(shapes["StateMachine"])), said)
    yield RootField(field, lambda _source, _info: machines)


def print_events(registry: Registry) -> str:
    """The catalogue as a page of the documentation."""
    lines = [_HEAD]
    kind = ""
    for event in event_types(registry):
        if event.recordType != kind:
            kind = event.recordType
            lines.append(f"\n## {kind}\n\n| event | when |\n|---|---|")
        lines.append(f"| `{event.name}` | {event.description} |")
    return "\n".join(lines) + "\n"


_HEAD = """# Events

Every change of a record is an event, written in the transaction of the change. Webhooks, `recordChanged`, `changes` and
the audit log tell them; `eventTypes { name recordType description fields }` lists them, with those of plugins. This
page is printed from that list.

`before` and `after` hold columns: of an update those that changed, of other events the whole record, without what is
null. A named event (`deal.won`) is told beside the `updated` or `created` of the same change, with the same content."""


def _make_types(shapes: Shapes) -> None:
    shapes.object(
        "EventType",
        "A type of event.",
        lambda: [
            shaped("name", str, "Its name, such as deal.won; it stays what it is."),
            shaped("recordType", str, "The kind of record that it is about, as global ids begin."),
            shaped("description", str, "When it is told."),
            shaped("fields", listed(str), "What before and after may hold: the record's columns."),
        ],
    )
    shapes.object(
        "State",
        "A state of a state machine.",
        lambda: [
            shaped("name", str, "The value of the field."),
            shaped("description", optional(str), "What it means."),
            shaped("moves", listed(str), "The states that may follow; none after a final one."),
            shaped("requires", listed(str), "Inputs without which a record cannot move here."),
        ],
    )
    shapes.object(
        "StateMachine",
        "The states of a kind of record. A wrong move is refused with the code STATE and the states that are allowed.",
        lambda: [
            shaped("type", str, "The kind of record, as global ids begin."),
            shaped("field", str, "The field that holds the state."),
            shaped("initial", str, "Where a new record begins, unless it is created elsewhere."),
            shaped("states", listed(shapes["State"]), "The states."),
        ],
    )


def _state(machine: Machine, state: StrEnum) -> State:
    return State(
        str(state), described(state), list(map(str, machine.moves[state])), list(machine.requires.get(state, ()))
    )


def _records(registry: Registry) -> list[RecordType]:
    known = (record for record in registry.records.values() if not record.is_log)
    return sorted(known, key=lambda record: record.table)
