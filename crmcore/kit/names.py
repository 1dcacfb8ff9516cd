"""Names of companies and people: what is left of one when its legal form is taken away, and how alike two are."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from crmcore.kit.words import plain

_FORMS: Final = frozenset(
    [
        "gmbh",
        "mbh",
        "ag",
        "kg",
        "kgaa",
        "ohg",
        "gbr",
        "ug",
        "ev",
        "eg",
        "se",
        "sce",
        "inc",
        "incorporated",
        "corp",
        "corporation",
        "co",
        "company",
        "llc",
        "llp",
        "lp",
        "ltd",
        "limited",
        "plc",
        "pte",
        "pty",
        "sa",
        "sas",
        "sasu",
        "sarl",
        "sl",
        "slu",
        "srl",
        "spa",
        "snc",
        "sapi",
        "cv",
        "bv",
        "nv",
        "vof",
        "ab",
        "as",
        "asa",
        "aps",
        "oy",
        "oyj",
        "hf",
        "ehf",
        "kft",
        "bt",
        "nyrt",
        "zrt",
        "sro",
        "spol",
        "zoo",
        "ooo",
        "oao",
        "zao",
        "pao",
        "ao",
        "ip",
        "doo",
        "dd",
        "ad",
        "eood",
        "ood",
        "kk",
        "yk",
        "gk",
        "bhd",
        "sdn",
        "tbk",
        "pt",
        "cia",
        "ltda",
        "eireli",
        "sociedad",
        "societe",
        "anonyme",
        "compagnie",
        "cie",
        "group",
        "holding",
        "holdings",
        "the",
        "and",
        "und",
        "et",
        "y",
        "e",
    ]
)
_JOINED: Final = re.compile(r"(?<=\b\w)[.\s](?=\w\b)")
_CJK_FORMS: Final = re.compile(
    "股份有限公司|有限责任公司|有限責任公司|有限公司|有限会社|株式会社|合同会社|合資会社|合名会社|集团公司|集團公司|集团|集團|公司|"
    "주식회사|유한회사"
)
_CJK: Final = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")


@lru_cache(8192)
def core_name(name: str) -> str:
    """The folded words of a name without legal forms and little words: `Müller & Söhne G.m.b.H.` is `muller sohne`.

    A name that is nothing else keeps them all.
    """
    words = plain(_joined(_CJK_FORMS.sub(" ", name))).split()
    kept = [word for word in words if word not in _FORMS]
    return " ".join(kept or words) or plain(name)


def _joined(name: str) -> str:
    """Letters with dots or spaces between them are one word: `S.A.` is `SA`."""
    return _JOINED.sub("", name)


@lru_cache(65536)
def likeness(one: str, other: str) -> float:
    """How alike two names are, from 0 to 1, whatever the order of their words, and whether they are written as one."""
    a, b = core_name(one), core_name(other)
    if not a or not b:
        return 0.0
    if a == b:
        return 1.0
    from rapidfuzz import fuzz  # seven megabytes, for a question that most processes never ask

    joined = fuzz.ratio(a.replace(" ", ""), b.replace(" ", ""))
    return float(max(fuzz.token_sort_ratio(a, b), joined)) / 100


def is_unspaced(word: str) -> bool:
    """Whether the word is written in a script without spaces."""
    return bool(_CJK.search(word))
