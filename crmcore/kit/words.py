"""Words: what a text can be found by, and what a query asks for. Both sides cut text up here, on every database alike.

A text is folded (kit.text), and what is no letter, mark or digit divides its words. Chinese, Japanese, Korean, Thai and
the like are written without spaces: a run of them is found by each of its characters and by each two that follow each
other. An email address is found whole and by its domain, a number of five digits or more also by its last ones, which
is how a national spelling finds an international phone number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from crmcore.kit.text import fold

LONGEST: Final = 40
"""More characters of a word count for nothing."""

MOST_WORDS: Final = 400
"""The most words that one text is found by."""

_READ: Final = 2000
_NUMBER: Final = 5
_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u318f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN: Final = re.compile(f"([{_UNSPACED}]+)")
_EMAIL: Final = re.compile(r"\S*@\S*")
_NOT_EMAIL: Final = re.compile(r"[^\w@.+-]|_")
_PHONE: Final = re.compile(r"(?<!\S)(\+|\(?\+?)\(?[0-9][0-9\s()./\u2010-\u2015-]*[0-9](?!\S)")


class _Letters(dict[int, int | None]):
    """For `str.translate`: letters, marks and digits stay, invisible characters vanish, anything else is a space."""

    def __missing__(self, code: int) -> int | None:
        kind = unicodedata.category(chr(code))
        kept: int | None = code if kind[0] in "LMN" else 32
        if kind in ("Cf", "Me") or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF:
            kept = None
        self[code] = kept
        return kept


_LETTERS: Final = _Letters()
_ASCII: Final = "".join(chr(_LETTERS[code] or 32) for code in range(128))


def plain(text: str) -> str:
    """The folded words of a text with single spaces between them: `Müller & Söhne` is `muller sohne`."""
    if text.isascii():
        return " ".join(text[:_READ].lower().translate(_ASCII).split())
    folded = unicodedata.normalize("NFC", fold(text[:_READ])).translate(_LETTERS)
    return " ".join(_RUN.sub(r" \1 ", folded).split())


def words_of(texts: Iterable[str]) -> list[str]:
    """The words by which a record with these texts is found, each once."""
    found: dict[str, None] = {}
    for text in texts:
        spaced = text.isascii()
        for word in plain(text).split():
            if spaced or not _RUN.match(word):
                found[word[:LONGEST]] = None
                if len(word) >= _NUMBER and _is_number(word):
                    found[_ending(word)] = None
            else:
                found.update(dict.fromkeys((*word, *_pairs(word))))
        if "@" in text:
            found.update(dict.fromkeys(_addresses(text)))
    return list(found)[:MOST_WORDS]


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)]


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit()


def _ending(number: str) -> str:
    """A number backwards: its last digits are a beginning, for which an index can look."""
    return f"-{number[::-1][:LONGEST]}"


def _addresses(text: str) -> Iterator[str]:
    for found in _EMAIL.findall(fold(text[:_READ])):
        address = _address(found)
        if "@" in address.strip("@"):
            yield address[:LONGEST]
            yield f"@{address.rpartition('@')[2]}"[:LONGEST]


def _address(chunk: str) -> str:
    return _NOT_EMAIL.sub("", chunk).strip(".+-")


@dataclass(frozen=True, slots=True)
class Token:
    """A word to look for: as it is, or as the beginning of a longer one."""

    text: str
    begins: bool = False


Way = tuple[Token, ...]
"""Words that must all be there."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a search asks for. Every term must hold, a term by any of its ways.

    `plain` is the whole query as `plain` makes it: a text that begins with it comes first.
    """

    plain: str = ""
    terms: tuple[tuple[Way, ...], ...] = ()


@lru_cache(1024)
def query_of(text: str) -> Query:
    """The query that somebody typed; without terms when there is no word in it. Nothing in it is syntax."""
    rest = fold(text)
    terms: list[tuple[Way, ...]] = []
    for match in _PHONE.finditer(rest):
        if sum(map(_is_number, match[0])) >= _NUMBER:
            terms.append(_number(match[0]))
            rest = rest.replace(match[0], " ", 1)
    for chunk in rest.split():
        address = _address(chunk) if "@" in chunk else ""
        if len(address) > 1:
            terms.append(((Token(address[:LONGEST], begins=True),),))
        else:
            terms += [(way,) for way in _ways(plain(chunk))]
    return Query(plain(text), tuple(dict.fromkeys(terms)))


def _ways(words: str) -> Iterator[Way]:
    for word in words.split():
        if not _RUN.match(word):
            yield (Token(word[:LONGEST], begins=True),)
        else:
            yield tuple(map(Token, _pairs(word) or [word]))


def _number(text: str) -> tuple[Way, ...]:
    """A number with whatever divides it: as words, as the beginning or the end of a longer one, or the same number with
    another or no country's code."""
    words: Way = tuple(token for way in _ways(plain(text)) for token in way)
    international = text.lstrip("( ").startswith(("+", "00"))
    digits = "".join(filter(_is_number, text.replace("(0)", "") if international else text))
    bare = digits.lstrip("0")
    ways: dict[Way, None] = {words: None, (Token(digits[:LONGEST], begins=True),): None}
    if len(bare) >= 4:
        ways[Token(_ending(bare), begins=True),] = None
    if international and bare:  # nothing but zeros begins with nothing, as everything does
        ways[Token(bare[:LONGEST], begins=True),] = None
        national = [zero + bare[code:] for code in (1, 2, 3) for zero in ("0", "")]
        ways.update({(Token(number[:LONGEST]),): None for number in national if len(number) > _NUMBER})
    return tuple(ways)
