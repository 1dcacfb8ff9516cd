"""What is asked of an import in the API's words, as a mapping: columns and the fields that they fill.

A field may be `name`; `annualRevenue.amount` and `annualRevenue.currencyCode`; `owner.email`, which finds the owner by
its email; `owner.id` and `owner.externalId`. `id` and `externalId` say which record the row is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from crmcore.errors import ConfigError, Invalid
from crmcore.importing.binding import BY_ID
from crmcore.importing.delimited import encoding_of
from crmcore.importing.mapping import LINE, NOTHING, FieldMapping, FileMapping, RecordMapping, Template, nearest
from crmcore.importing.reading import parse_mapping
from crmcore.kit.periods import zone_of
from crmcore.query import ColumnField, MoneyField, OneField, RecordType, Registry

DEFAULT_SYSTEM: Final = "import"
_NAME: Final = Path("mapping")
_SAME: Final = re.compile(r"[^a-z0-9.]")
_RANK: Final = {"id": 0, "externalId": 1}


def check_options(options: Mapping[str, Any]) -> None:
    """Invalid, by its name, for an option that no file can be read with."""
    delimiter, encoding, zone = (options.get(name) for name in ("delimiter", "encoding", "timeZone"))
    if delimiter and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise Invalid("delimiter must be one character, such as ; or a tab.", "delimiter")
    if encoding and not encoding_of(encoding):
        raise Invalid(f"there is no encoding {encoding!r}: write utf-8, gbk or gb18030.", "encoding")
    try:
        zone_of(zone or "UTC")
    except ValueError as error:
        raise Invalid(str(error), "timeZone") from error


def form_of(options: Mapping[str, Any]) -> FileMapping:
    """How the file is written; what its columns are comes with `with_records`. ConfigError for a mapping in TOML that
    cannot be used."""
    if options.get("definition"):
        return parse_mapping(options["definition"], _NAME)
    system = options.get("system") or DEFAULT_SYSTEM
    given = {
        name: options[key]
        for name, key in (
            ("format", "format"), ("sheet", "sheet"), ("encoding", "encoding"), ("delimiter", "delimiter"),
            ("decimal", "decimal"), ("thousands", "thousands"), ("time_zone", "timeZone"),
        )
        if options.get(key)
    }  # fmt: skip
    if options.get("dates"):
        given["dates"] = tuple(options["dates"])
    if options.get("nullValues"):
        given["null_values"] = frozenset(options["nullValues"])
    return FileMapping(path=_NAME, text="", system=system, **given)


def with_records(
    form: FileMapping, options: Mapping[str, Any], record: RecordType | None, header: Sequence[str], registry: Registry
) -> FileMapping:
    """The mapping of a file with this header to records of this type. ConfigError says what does not fit."""
    if form.records:
        return form
    assert record is not None
    builder = _Builder(record, registry)
    if options.get("mapping"):
        for entry in options["mapping"]:
            builder.take(entry)
    else:
        builder.guess(header)
    return replace(form, records=(builder.made(options),))


@dataclass(slots=True)
class _Builder:
    record: RecordType
    registry: Registry
    keys: dict[str, Template] = field(default_factory=dict)
    columns: dict[str, Template] = field(default_factory=dict)
    fields: dict[str, FieldMapping] = field(default_factory=dict)

    def take(self, entry: Mapping[str, Any]) -> None:
        """One column or constant that the caller names."""
        name = entry["field"]
        template = _column(entry["column"]) if entry.get("column") else None
        if (template is None) == (entry.get("value") is None):
            raise ConfigError(f"{name}: give either column or value.")
        if name in _RANK:
            if template is None:
                raise ConfigError(f"{name}: give the column that holds it.")
            self.keys[name] = template
            return
        found = self._placed(name, template, entry)
        if found is None:
            known = [n for n, f in self.record.fields.items() if _settable(f)]
            raise ConfigError(f"{self.record.name} has no field {name!r} that can be set{nearest(name, known)}")
        if found.name in self.fields:
            raise ConfigError(f"{found.name} is named twice: give it one column.")
        self.fields[found.name] = found
        if template is not None:
            self.columns[name] = template
        self._currencies(entry)

    def guess(self, header: Iterable[str]) -> None:
        """The columns that are called like a field, as people write it: `Legal name` is legalName."""
        spelled = {_same(name): name for name in (*self.record.fields, *_RANK)}
        ranks: dict[str, int] = {}
        for column in header:
            head, dot, rest = column.strip().partition(".")
            name = f"{spelled.get(_same(head), head)}{dot}{rest}"
            if name in _RANK:
                self.keys[name] = _column(column)
                continue
            if rest == "currencyCode":
                continue
            money = f"{head}.currencyCode"
            entry = {"currencyColumn": money} if money in header else {}
            found = self._placed(name, _column(column), entry)
            rank = _RANK.get(rest or ("id" if name not in self.record.fields else ""), 2)
            if found is not None and rank < ranks.get(found.name, 3):
                ranks[found.name] = rank
                self.fields[found.name] = found
                self.columns[name] = _column(column)
        if not self.fields:
            raise ConfigError(
                f"No column is called like a field of {self.record.name} that can be set: name the columns in mapping."
            )

    def made(self, options: Mapping[str, Any]) -> RecordMapping:
        """The whole record."""
        mode, match = options["mode"], options.get("matchOn")
        external = self.keys.get("externalId")
        if not match:
            match = next((name for name in _RANK if name in self.keys), "")
            if not match and mode != "CREATE":
                raise ConfigError("Say by matchOn which field finds a row's record, such as id or externalId.")
        key = self.keys.get(match) or self.columns.get(match)
        if match and key is None:
            raise ConfigError(f"matchOn is {match}, but no column is mapped to it.")
        return RecordMapping(
            name=self.record.root,
            type=self.record.name,
            key=key,
            match={"": LINE, "externalId": ""}.get(match, match),
            external=external,
            mode=mode,
            fields=tuple(self.fields.values()),
        )

    def _placed(self, name: str, template: Template | None, entry: Mapping[str, Any]) -> FieldMapping | None:
        """The field that a name stands for, or None."""
        head, _, rest = name.partition(".")
        if head not in self.record.fields and head.endswith("Id") and not rest:
            head, rest = head[:-2], "id"
        found = self.record.fields.get(head)
        if found is None or not _settable(found):
            return None
        more: dict[str, Any] = {"name": head, "required": bool(entry.get("required"))}
        if entry.get("default") is not None:
            more["default"] = entry["default"]
        if entry.get("values"):
            more["values"] = {pair["from"]: pair["to"] for pair in entry["values"]}
        if isinstance(found, OneField):
            return self._one(found, rest or "id", template, entry, more)
        if isinstance(found, MoneyField):
            if rest not in ("", "amount"):
                return None
            column = entry.get("currencyColumn")
            more["currency"] = _column(column) if column else entry.get("currency") or ""
        elif rest:
            return None
        return FieldMapping(source=template, constant=_constant(template, entry), **more)

    def _one(
        self, found: OneField, by: str, template: Template | None, entry: Mapping[str, Any], more: dict[str, Any]
    ) -> FieldMapping | None:
        if by in _RANK:
            if template is None:
                return None
            return FieldMapping(ref=template, system=BY_ID if by == "id" else entry.get("system") or "", **more)
        target = self.registry.records[found.target].fields.get(by)
        if not isinstance(target, ColumnField) or target.type.kind != "text":
            return None
        return FieldMapping(source=template, constant=_constant(template, entry), by=by, **more)

    def _currencies(self, entry: Mapping[str, Any]) -> None:
        if entry.get("currencyColumn"):
            self.columns[f"{entry['field']}.currencyCode"] = _column(entry["currencyColumn"])


def _settable(found: Any) -> bool:
    return isinstance(found, ColumnField | MoneyField | OneField) and found.writable != "never"


def _constant(template: Template | None, entry: Mapping[str, Any]) -> Any:
    return NOTHING if template is not None else entry["value"]


def _column(name: str) -> Template:
    return Template(name, (name,), alone=True)


def _same(name: str) -> str:
    return _SAME.sub("", name.lower())
