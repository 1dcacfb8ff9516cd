"""Words: what is cut out of a text finds the text again, and nothing that somebody types is syntax."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.kit.words import LONGEST, Query, plain, query_of, words_of


def found(query: str, *texts: str) -> bool:
    """What both indexes do."""
    words = words_of(texts)

    def there(token) -> bool:
        return any(w.startswith(token.text) if token.begins else w == token.text for w in words)

    asked = query_of(query)
    return bool(asked.terms) and all(any(all(map(there, way)) for way in term) for term in asked.terms)


@pytest.mark.parametrize(
    "query, text",
    [
        ("muller", "Müller"), ("MÜLLER", "muller"), ("strasse", "Hauptstraße"[5:]), ("STRASSE", "straße"), ("mül gm", "GMBH Müller & Söhne"),
        ("大学", "北京大学"), ("王", "王芳"), ("王芳", "王芳"), ("张三", "张三丰"), ("三丰 pek", "张三丰 (Peking)"), ("sap软件", "SAP 软件公司"), ("ガス", "東京ガス"),
        ("김철", "김철수"), ("カス", "ｶﾞｽ"), ("हिन्दी", "हिन्दी"), ("กรุง", "กรุงเทพ"), ("o'brien", "O’Brien"), ("１２", "12"),
        ("anna.schmidt@example.com", "Anna.Schmidt@Example.com"), ("anna.schmidt@ex", "anna.schmidt@example.com"), ("anna@", "anna@example.com"),
        ("@example.com", "anna@example.com"), ("schmidt", "anna.schmidt@example.com"), ("example.com", "anna@example.com"),
        ("089 123456", "+4989123456"), ("(089) 12 34-56", "+4989123456"), ("+49 89 123456", "+4989123456"), ("0049 (0)89 123456", "+4989123456"),
        ("123456", "+4989123456"), ("+49 89 123456", "089123456"), ("4989", "+4989123456"), ("+49 89 12", "+4989123456"), ("0001", "O-2026-0001"),
        ("2026-0001", "O-2026-0001"), ("o-2026-0001", "O-2026-0001"),
    ],
)  # fmt: skip
def test_it_is_found(query, text):
    assert found(query, text)


@pytest.mark.parametrize(
    "query, text",
    [("mulle r", "Müller"), ("学大", "北京大学"), ("王三", "张三 王芳"), ("089 123456", "+49891234567"), ("bob@example.com", "anna@example.com"),
     ("", "a"), ("!!", "a!"), ("👍", "👍 a")],
)  # fmt: skip
def test_it_is_not_found(query, text):
    assert not found(query, text)


@given(st.text())
def test_every_text_with_words_is_found_by_itself(text):
    words = plain(text)
    assert plain(words) == words
    if "@" not in text and words:
        assert found(words[:30].strip(), text)


@given(st.text(alphabet=st.characters()) | st.text(alphabet="+()-/. 0123456789@a\x00'\"\\*:&|!\ud800"))
def test_no_word_can_be_taken_for_syntax(text):
    tokens = [token.text for term in query_of(text).terms for way in term for token in way]
    for word in (*tokens, *words_of([text])):
        assert 0 < len(word) <= LONGEST
        assert not set(word) & set("'\"\\*:&|!()<> \t\n\0[],")
        word.encode()
    assert all(term and all(term) for term in query_of(text).terms)


def test_a_text_without_words_asks_for_nothing():
    assert query_of(" .,-* ") == Query()


@pytest.mark.parametrize("zeros", ["00000", "00 000", "+00000", "00-000"])
def test_nothing_but_zeros_does_not_begin_everything(zeros: str):
    assert all(token.text for term in query_of(zeros).terms for way in term for token in way)
