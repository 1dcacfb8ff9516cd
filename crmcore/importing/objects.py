"""Reading JSON Lines: an object on each line. Objects inside it become columns with dots: `owner.email`.

Where some lines hold a value and others an object, it is what more of them hold; the others are refused.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from crmcore.errors import ConfigError
from crmcore.importing.mapping import FileMapping
from crmcore.importing.source import Line, Source, harmless

_MOST_COLUMNS: Final = 2000


class ObjectSource(Source):
    """A file of JSON objects. Its columns are all that they name."""

    def __init__(self, path: Path, mapping: FileMapping, name: str = "") -> None:
        super().__init__(path, name)
        self._separator = mapping.separator
        names: dict[str, None] = {}
        values, objects = Counter[str](), Counter[str]()
        self.lines_in_all = 0
        for number, _, found in self._objects():
            self.lines_in_all = number
            if isinstance(found, dict):
                names.update(dict.fromkeys(found))
                values.update(name for name, text in found.items() if text)
                objects.update({parent for name in found for parent in _parents(name)})
            if len(names) > _MOST_COLUMNS:
                raise ConfigError(f"{self.name} has more than {_MOST_COLUMNS} different columns.")
        if not names:
            raise ConfigError(f"{self.name} is empty: each line must hold a JSON object.")
        self._nested = {name for name, lines in objects.items() if lines > values[name]}
        self._single = objects.keys() - self._nested
        columns = (name for name in names if name not in self._nested)
        self.take_header(name for name in columns if self._single.isdisjoint(_parents(name)))

    def read(self) -> Iterator[Line]:
        for number, text, found in self._objects():
            wrong = found if isinstance(found, str) else self._misplaced(found)
            if isinstance(found, str) or wrong:
                yield Line(number, (text,), wrong)
            else:
                absent = frozenset(name for name in self.header if not _told(name, found))
                yield Line(number, tuple(found.get(name, "") for name in self.header), "", absent)

    def _misplaced(self, found: Mapping[str, str]) -> str:
        """What is a value in this object and an object in most others, or the other way round; empty if nothing is."""
        for name, text in found.items():
            if text and name in self._nested:
                return f"{name} is a value, in other lines it is an object"
            for parent in _parents(name):
                if parent in self._single:
                    return f"{parent} is an object, in other lines it is a value"
        return ""

    def _objects(self) -> Iterator[tuple[int, str, dict[str, str] | str]]:
        """Each line that is not empty: its number, its text, and its values by column or what is wrong with it."""
        with self.path.open(encoding="utf-8-sig") as lines:
            try:
                for number, line in enumerate(lines, 1):
                    if text := line.strip():
                        yield number, text, self._values(text)
            except UnicodeDecodeError as error:
                raise ConfigError(f"{self.name} is not UTF-8, which JSON is written in: {error.reason}.") from error

    def _values(self, text: str) -> dict[str, str] | str:
        try:
            found = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
            if isinstance(found, dict):
                return dict(self._flat(found, ""))
        except (ValueError, RecursionError) as error:
            return f"the line is not JSON: {error}"
        return "the line is not a JSON object"

    def _flat(self, found: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
        for key, value in found.items():
            name = f"{before}{harmless(key).strip()}"
            if isinstance(value, dict):
                yield from self._flat(value, f"{name}.")
            else:
                yield name, self._text(value)

    def _text(self, value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, list):
            if any(isinstance(item, dict | list) for item in value):
                return json.dumps(value, ensure_ascii=False)
            return self._separator.join(map(self._text, value))
        return str(value)


def _parents(name: str) -> list[str]:
    """The objects that a column stands in: of `a.b.c` a and a.b."""
    return [name[:place] for place, letter in enumerate(name) if letter == "."]


def _told(name: str, found: Mapping[str, str]) -> bool:
    """Whether a line says something of a column, be it that what holds it is null."""
    while name not in found:
        name, dot, _ = name.rpartition(".")
        if not dot:
            return False
    return True
