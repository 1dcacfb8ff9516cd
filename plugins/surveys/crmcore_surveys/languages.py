"""Texts in several languages: whether they are well-formed, and which one a reader gets. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from crmcore_surveys.questions import Texts

_CODE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", re.ASCII)
LONGEST: Final = 2000


def text_faults(texts: Any, name: str) -> Iterator[str]:
    """Why a value from outside is no text in languages."""
    example = f'{name} is a text in each language, by its code: {{"en": "Thank you", "zh": "谢谢"}}.'
    if not isinstance(texts, Mapping) or not texts:
        yield example
        return
    for code, text in texts.items():
        if not _CODE.fullmatch(str(code)):
            yield f"{name}: {code} is no code of a language; write it like en, zh or zh-Hant."
        elif not isinstance(text, str) or not text.strip():
            yield f"{name}: the text in {code} is missing; leave the language out or write it."
        elif len(text) > LONGEST:
            yield f"{name}: the text in {code} is longer than {LONGEST} characters."


def choice_faults(choices: Any) -> Iterator[str]:
    """Why a value from outside is no list of choices."""
    example = (
        'choices is a list like [{"code": "price", "titles": {"en": "The price", "zh": "价格"}}, ...], at least two.'
    )
    if not isinstance(choices, list) or len(choices) < 2:
        yield example
        return
    codes = set()
    for choice in choices:
        if not isinstance(choice, Mapping) or set(choice) != {"code", "titles"}:
            yield example
            return
        code = choice["code"]
        if not isinstance(code, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", code, re.ASCII):
            yield "choices: a code has 1 to 40 letters, digits, hyphens and underscores."
            return
        if code in codes:
            yield f"choices: {code} is there twice; each choice has a code of its own."
        codes.add(code)
        yield from text_faults(choice["titles"], f"choices: {code}")


def pick(texts: Texts, language: str) -> str:
    """The text in this language, or in its nearest relative, or in English, or in whatever there is."""
    for code in (language, language.partition("-")[0], "en"):
        if code in texts:
            return texts[code]
        for other, text in texts.items():
            if other.partition("-")[0] == code:
                return text
    return next(iter(texts.values()), "")


def choose(offered: Sequence[str], *wishes: str | None) -> str:
    """The first of the wishes that is offered, by the language's main code; else the first that is offered."""
    by_main = {code.partition("-")[0].lower(): code for code in reversed(offered)}
    exact = {code.lower(): code for code in offered}
    for wish in wishes:
        asked = (wish or "").replace("_", "-").lower()
        if found := exact.get(asked) or by_main.get(asked.partition("-")[0]):
            return found
    return offered[0]


def accepted(header: str) -> list[str]:
    """The languages of an Accept-Language header, the dearest first."""
    wishes = []
    for place, entry in enumerate(header[:500].split(",")):
        code, _, weight = entry.strip().partition(";")
        quality = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", weight)
        value = float(quality[1]) if quality else 1.0
        if code and code != "*" and value > 0:
            wishes.append((-value, place, code))
    return [code for _, _, code in sorted(wishes)]
