"""Reading a mapping file: every key is known, and what is wrong is said with its line."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from crmcore.errors import ConfigError
from crmcore.importing.mapping import NOTHING, FieldMapping, FileMapping, RecordMapping, Template, nearest

FILE_KEYS = {
    "system",
    "encoding",
    "delimiter",
    "decimal",
    "thousands",
    "dates",
    "time_zone",
    "null_values",
    "only",
    "aliases",
    "setup",
    "record",
}
RECORD_KEYS = {"name", "type", "key", "when", "shared", "fields"}
FIELD_KEYS = {
    "column",
    "template",
    "value",
    "ref",
    "record",
    "required",
    "default",
    "values",
    "by",
    "within",
    "system",
    "dates",
    "currency",
    "multiply",
    "decimal",
    "thousands",
    "separator",
}
_SOURCES = ("column", "template", "value", "ref", "record")


def read_mapping(path: Path) -> FileMapping:
    """The mapping in a TOML file. ConfigError says which key is wrong and what to do."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"Cannot read the mapping {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} is not UTF-8: a mapping is written in UTF-8, whatever the data's encoding."
        ) from error
    return parse_mapping(text, path)


def parse_mapping(text: str, path: Path) -> FileMapping:
    """The mapping in a text; `path` is what it is called."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from error
    return _Reader(path, text).mapping(document)


class _Reader:
    """Reads one mapping file and says what is wrong in it."""

    def __init__(self, path: Path, text: str) -> None:
        self.here = FileMapping(path=path, text=text, system="")

    def mapping(self, document: dict[str, Any]) -> FileMapping:
        self._known(document, FILE_KEYS, "", "a mapping")
        system = self._text(document, "system")
        if not system:
            raise self.here.wrong('say which system the ids come from: system = "erp".')
        blocks = self._blocks(document, "record")
        if not blocks:
            raise self.here.wrong("there is no [[record]]: say what a row becomes.")
        setup = self._blocks(document, "setup")
        names = [block.name for block in (*setup, *blocks)]
        for name in names:
            if names.count(name) > 1:
                raise self.here.wrong(f"two records are called {name!r}: give each a name of its own.", name, "name")
        return FileMapping(
            path=self.here.path,
            text=self.here.text,
            system=system,
            encoding=self._text(document, "encoding"),
            delimiter=self._text(document, "delimiter") or ",",
            decimal=self._text(document, "decimal") or ".",
            thousands=self._text(document, "thousands"),
            dates=self._texts(document, "dates") or ("%Y-%m-%d",),
            time_zone=self._text(document, "time_zone") or "UTC",
            null_values=frozenset(self._texts(document, "null_values")),
            only={
                column: frozenset(self._list(values, "only", column))
                for column, values in self._table(document, "only").items()
            },
            aliases=self._aliases(document),
            setup=setup,
            records=blocks,
        )

    def _aliases(self, document: dict[str, Any]) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for column, table in self._table(document, "aliases").items():
            if not isinstance(table, dict) or not all(isinstance(meant, str) for meant in table.values()):
                raise self.here.wrong(f'write [aliases.{column}] with lines such as GTXPro = "GTX Pro".', key=column)
            found[column] = table
        return found

    def _blocks(self, document: dict[str, Any], section: str) -> tuple[RecordMapping, ...]:
        blocks = document.get(section, [])
        if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
            raise self.here.wrong(f"write [[{section}]] with two brackets, once for each record.", key=section)
        return tuple(self._block(block, section) for block in blocks)

    def _block(self, block: dict[str, Any], section: str) -> RecordMapping:
        kind = self._text(block, "type")
        name = self._text(block, "name") or kind[:1].lower() + kind[1:]
        if not kind:
            raise self.here.wrong(f'a [[{section}]] has no type: write type = "Customer".', key=section)
        self._known(block, RECORD_KEYS, name, f"the record {name!r}")
        key = self._text(block, "key")
        if not key:
            raise self.here.wrong(
                f"the record {name!r} has no key: the column, or a text with columns such as "
                '"{order_id}-{product_id}", that is its id in the other system.',
                name,
            )
        given = self._table(block, "fields", name)
        fields = tuple(self._field(name, field_name, value) for field_name, value in given.items())
        if section == "record":
            return RecordMapping(
                name=name,
                type=kind,
                key=Template.parse(key),
                when=self._text(block, "when"),
                shared=bool(block.get("shared", False)),
                fields=fields,
            )
        for mapped in fields:
            if any(mapped.columns()):
                raise self.here.wrong(
                    f"setup is done once, without a row: {name}.{mapped.name} must be {{ value = ... }} or "
                    "{ record = ... }.",
                    name,
                    mapped.name,
                )
        return RecordMapping(name=name, type=kind, key=None, constant_key=key, fields=fields)

    def _field(self, block: str, name: str, given: Any) -> FieldMapping:
        if isinstance(given, str):
            return FieldMapping(name=name, source=Template.parse(given))
        what = f"the field {block}.{name}"
        if not isinstance(given, dict):
            raise self.here.wrong(
                f"{what} is {given!r}: write a column's name, or {{ value = {given!r} }} for a constant.", block, name
            )
        self._known(given, FIELD_KEYS, block, what)
        if sum(source in given for source in _SOURCES) != 1:
            raise self.here.wrong(f"{what} needs exactly one of {', '.join(_SOURCES)}.", block, name)
        source = self._text(given, "column", block) or self._text(given, "template", block)
        currency = given.get("currency", "")
        if isinstance(currency, dict):
            currency = Template.parse(self._text(currency, "column", block))
        values = given.get("values")
        if values is not None and not isinstance(values, dict):
            raise self.here.wrong(f'{what}: values is a table such as {{ "1" = true, "0" = false }}.', block, name)
        ref = self._text(given, "ref", block)
        return FieldMapping(
            name=name,
            source=Template.parse(source) if source else None,
            constant=given.get("value", NOTHING),
            ref=Template.parse(ref) if ref else None,
            record=self._text(given, "record", block),
            required=bool(given.get("required", False)),
            default=given.get("default", NOTHING),
            values=values,
            by=self._text(given, "by", block),
            within=self._table(given, "within", block),
            system=self._text(given, "system", block),
            dates=self._texts(given, "dates", block),
            currency=currency,
            multiply=str(given.get("multiply", "")),
            decimal=self._text(given, "decimal", block),
            thousands=self._text(given, "thousands", block),
            separator=self._text(given, "separator", block) or ";",
        )

    def _known(self, table: dict[str, Any], known: set[str], block: str, what: str) -> None:
        for key in table:
            if key not in known:
                raise self.here.wrong(f"{what} has no key {key!r}{nearest(key, sorted(known))}", block, key)

    def _text(self, table: dict[str, Any], key: str, block: str = "") -> str:
        value = table.get(key, "")
        if not isinstance(value, str):
            raise self.here.wrong(f"{key} must be a text in quotes, not {value!r}.", block, key)
        return value

    def _texts(self, table: dict[str, Any], key: str, block: str = "") -> tuple[str, ...]:
        value = table.get(key, [])
        return tuple(self._list([value] if isinstance(value, str) else value, key, key, block))

    def _list(self, value: Any, what: str, key: str, block: str = "") -> list[str]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.here.wrong(f'{what}: {key} must be a list of texts, such as ["a", "b"].', block, key)
        return value

    def _table(self, table: dict[str, Any], key: str, block: str = "") -> dict[str, Any]:
        value = table.get(key, {})
        if not isinstance(value, dict):
            raise self.here.wrong(f"{key} must be a table, such as {key}.name = ...", block, key)
        return value
