"""What a record's columns are to the write engine: which may be given, which must, what follows from what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from crmcore.kit.text import blank, camel
from crmcore.platform.fields import Column, Folded, Scaled, Text, Writer
from crmcore.platform.record import SYSTEM_COLUMNS, OwnedRecord, Record, Rules
from crmcore.records.graph import Key, keys_of


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of one record, read once from its model.

    own       the columns that a command may give, in the table's order
    told      the same, with what makes the form that events have; None where orjson does it
    blank_row every column with its default; `made` are the defaults that are made anew for each row
    folded    the folded columns and what they are made of
    required  own columns that must have a value
    optional  own texts that need none, but must be unique if they have one
    """

    model: type[Record]
    table: str
    columns: Mapping[str, Column]
    own: Mapping[str, Column]
    told: Mapping[str, Writer | None]
    blank_row: Mapping[str, Any]
    made: Mapping[str, Callable[[], Any]]
    folded: Mapping[str, str]
    required: tuple[str, ...]
    optional: frozenset[str]
    keys: Mapping[str, Key]
    owned: bool

    def new_row(self) -> dict[str, Any]:
        """A row with the defaults."""
        return {**self.blank_row, **{column: make() for column, make in self.made.items()}}

    def api_name(self, column: str) -> str:
        """The name under which callers know the column; a folded one goes by what it is made of."""
        return camel(self.folded.get(column, column))

    def blank(self, column: str, value: Any) -> bool:
        """Whether nothing is there: null, or only spaces in a text that must be given."""
        return value is None or (isinstance(self.columns[column], Text) and blank(value))

    def kept(self, column: str, value: Any) -> Any:
        """The value as it is stored: a blank text is none where it would have to be unique."""
        return None if column in self.optional and blank(value) else value


def _constant(field: Any) -> Any:
    """The default of a column that has a constant one."""
    if field.default is None or callable(field.default):
        return None
    return field.from_driver(field.to_json(field.default)) if isinstance(field, Scaled) else field.default


@cache
def shape_of(model: type[Record]) -> Shape:
    """The shape of a record. The models must have been linked up (platform/metadata.py)."""
    fields: Mapping[str, Any] = model._meta.fields_map
    columns = {name: fields[name] for name in model._meta.fields_db_projection}
    folded = {name: field.of for name, field in columns.items() if isinstance(field, Folded)}
    own = {name: field for name, field in columns.items() if name not in SYSTEM_COLUMNS and name not in folded}
    return Shape(
        model=model,
        table=model._meta.db_table,
        columns=columns,
        own=own,
        told={name: field.teller() for name, field in own.items()},
        blank_row={**dict.fromkeys(columns), **{name: _constant(field) for name, field in own.items()}},
        made={name: field.default for name, field in own.items() if callable(field.default)},
        folded=folded,
        optional=frozenset(
            name
            for unique in getattr(model, "special", Rules()).unique  # a platform table has no rules
            for name in unique.columns
            if name in own and own[name].null and isinstance(own[name], Text)
        ),
        required=tuple(name for name, field in own.items() if not field.null),
        keys={key.column: key for key in keys_of(model)},
        owned=issubclass(model, OwnedRecord),
    )
