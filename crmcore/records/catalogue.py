"""Every type of event that there can be about a record: the same for all, and those that it declares."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Final

from crmcore.kit.text import article
from crmcore.platform.record import Draft, Event, Operation, Record
from crmcore.records.shape import shape_of

VERBS: Final[Mapping[Operation, str]] = {
    "create": "created", "update": "updated", "delete": "deleted", "restore": "restored",
}  # fmt: skip

_SAID: Final = {
    "created": "{0} was created.",
    "updated": "{0} was changed.",
    "deleted": "{0} was deleted; it can be restored.",
    "restored": "{0} that was deleted came back.",
    "purged": "{0} was deleted for good: what the facts about it said is erased.",
}
_MERGING: Final = {
    "merged": "Others were merged into {0}.",
    "unmerged": "A merge into {0} was undone.",
}


@cache
def events_of(model: type[Record]) -> Mapping[str, Event]:
    """The types of events about a record, by name."""
    special, table = model.special, shape_of(model).table
    named = article(table.replace("_", " "))
    told = {verb: said.format(named[0].upper() + named[1:]) for verb, said in _SAID.items()}
    if special.merging:
        told |= {verb: said.format(named) for verb, said in _MERGING.items()}
    made = [Event(f"{table}.{verb}", said) for verb, said in told.items()]
    return {event.name: event for event in (*made, *special.events)}


def told_of(draft: Draft, changed: Collection[str]) -> Iterator[str]:
    """The types of the events of one draft, each once. TypeError for one that the record does not declare."""
    model = draft.model
    known = events_of(model)
    named = [event.name for event in draft.events]
    named += [event.name for event in model.special.events if event.follows(draft, changed)]
    for name in dict.fromkeys((f"{shape_of(model).table}.{VERBS[draft.operation]}", *named)):
        if name not in known:
            raise TypeError(f"{model.__name__} does not declare the event {name}: add it to Rules.events.")
        yield name
