"""Text folding: the one form in which texts are compared without case and accents on every database."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Final

_CASES_END: Final = 0x20000
"""No character from here on has a case or combines with others."""


def fold(text: str) -> str:
    """Case and accents removed: `Ärger`, `ARGER` and `arger` fold alike, and so do `straße` and `STRASSE`.

    NFKD, casefold, combining marks dropped (Unicode 3.13 caseless matching, compatibility form).
    """
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return decomposed.translate(_marks())


@cache
def _marks() -> dict[int, None]:
    """The combining marks, as translate() takes them away."""
    return dict.fromkeys(code for code in range(0x80, _CASES_END) if unicodedata.combining(chr(code)))


@cache
def fold_table() -> tuple[dict[str, str], str]:
    """What folding does to text that is NFKD already, ASCII apart: what characters become, and those that go away."""
    changed, gone = {}, ""
    for character in map(chr, range(0x80, _CASES_END)):
        if character.casefold() == character and not unicodedata.combining(character):
            continue
        if unicodedata.normalize("NFKD", character) != character:
            continue
        if folded := fold(character):
            changed[character] = folded
        else:
            gone += character
    return changed, gone


def character_class(characters: Iterable[str]) -> str:
    """A regular expression for one of these characters, none of them ASCII."""
    ranges: list[list[int]] = []
    for code in sorted(map(ord, characters)):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return f"[{''.join(f'{chr(first)}-{chr(last)}' for first, last in ranges)}]"


def blank(value: object) -> bool:
    """Whether a value is null, or a text of nothing but spaces."""
    return value is None or (isinstance(value, str) and not value.strip())


def snake(name: str) -> str:
    """`CarePlan` and `carePlan` become `care_plan`."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


@lru_cache(4096)
def camel(name: str) -> str:
    """`care_plan` becomes `carePlan`."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def pascal(name: str) -> str:
    """`care_plan` becomes `CarePlan`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def article(name: str) -> str:
    """The name with its indefinite article: `an order`, `a user`."""
    vowel = name[:1].lower() in "aeio" or (name[:1].lower() == "u" and not name.lower().startswith(("us", "uni")))
    return f"{'an' if vowel else 'a'} {name}"


def plural(name: str) -> str:
    """The English plural of a record's name: `customers`, `addresses`, `companies`."""
    if name.endswith(("s", "x", "ch", "sh")):
        return name + "es"
    if name.endswith("y") and name[-2] not in "aeiou":
        return name[:-1] + "ies"
    return name + "s"
