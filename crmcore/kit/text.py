"""Text folding: the one form in which names are compared and sorted on every database."""

from __future__ import annotations

import unicodedata
from functools import lru_cache


def fold(text: str) -> str:
    """Case and accents removed: `Ärger`, `ARGER` and `arger` fold alike, and so do `straße` and `STRASSE`.

    NFKD, casefold, combining marks dropped (Unicode 3.13 caseless matching, compatibility form).
    """
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


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
