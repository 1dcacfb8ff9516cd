"""Which records stand on whose timelines: moments, as declared, held against the models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tortoise.models import Model

from crmcore.platform.fields import UtcDatetime
from crmcore.platform.tables import foreign_keys
from crmcore.query.declare import Moment
from crmcore.query.mapping import Member, MomentField, RecordType, Registry


def moment_field(own: RecordType, moment: Moment) -> MomentField:
    """`timelineAt` of a record that stands on timelines. TypeError for a moment that does not fit the model."""
    column: Any = own.model._meta.fields_map.get(moment.at)
    if not isinstance(column, UtcDatetime):
        raise TypeError(f"{own.name}: the moment's {moment.at!r} is no column of type UtcDatetime.")
    ends = [_steps(own, path)[1] for path in moment.of]
    if len(set(ends)) != len(ends):
        raise TypeError(f"{own.name}: two paths of its moment lead to one kind of record. Leave one out.")
    said = "When it happened, for timelines" + ("; null while it has not." if column.null else ".")
    return MomentField(name="timelineAt", description=said, nullable=column.null, column=moment.at, plugin=own.plugin)


def members_of(own: RecordType, registry: Registry, where: str) -> tuple[Member, ...]:
    """The kinds of records on the timelines of `own`. TypeError if there are none."""
    found = tuple(_members(own, registry))
    if not found:
        raise TypeError(f"{where}: no record's moment leads to {own.name}.")
    return found


def _members(own: RecordType, registry: Registry) -> Iterator[Member]:
    for record in registry.records.values():
        for path in record.moment.of if record.moment else ():
            steps, end = _steps(record, path)
            if end is own.model:
                assert record.moment is not None
                column: Any = record.model._meta.fields_map[record.moment.at]
                yield Member(record, record.moment.at, bool(column.null), tuple(reversed(steps)))


def _steps(record: RecordType, path: str) -> tuple[list[tuple[type[Model], str]], type[Model]]:
    """Each model on the path with the column that holds the key of the next one; and the model at its end."""
    steps, model = [], record.model
    for name in path.split("."):
        column = f"{name}_id"
        target: Any = foreign_keys(model).get(column)
        if target is None:
            raise TypeError(f"{record.name}: the moment's path {path!r}: {model.__name__} has no foreign key {name!r}.")
        steps.append((model, column))
        model = target
    return steps, model
