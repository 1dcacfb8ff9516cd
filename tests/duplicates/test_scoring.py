"""How alike names are, and what reasons add up to."""

from __future__ import annotations

import pytest

from crmcore.domain.contacts import Contact
from crmcore.domain.customers import Customer
from crmcore.kit.names import core_name, likeness
from crmcore.records.duplicates import Profile, likeness_of
from crmcore.records.duplicates.scoring import score


@pytest.mark.parametrize(
    ("name", "core"),
    [
        ("Müller & Söhne G.m.b.H.", "muller sohne"),
        ("ACME, Inc.", "acme"),
        ("The Acme Company Ltd", "acme"),
        ("Société Générale S.A.", "generale"),
        ("北京阿里巴巴网络科技有限公司", "北京阿里巴巴网络科技"),
        ("株式会社トヨタ", "トヨタ"),
        ("삼성전자 주식회사", "삼성전자"),
        ("AG", "ag"),
        ("Holding Group", "holding group"),
    ],
)
def test_legal_forms_are_taken_away(name: str, core: str):
    assert core_name(name) == core


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [
        ("Acme GmbH", "ACME", 1, 1),
        ("Wang Fang", "Fang Wang", 1, 1),
        ("Data Base AG", "Database", 1, 1),
        ("Alfreds Futterkiste", "Alfred's Futterkiste", 0.95, 1),
        ("Ernst Handel", "Ernst Handle", 0.9, 0.99),
        ("华为技术有限公司", "華為技術有限公司", 0.2, 0.5),
        ("深圳市腾讯计算机系统有限公司", "腾讯计算机系统(深圳)有限公司", 0.75, 0.99),
        ("Acme", "Zenith", 0, 0.4),
        ("", "Acme", 0, 0),
        ("!!!", "???", 0, 0),
    ],
)
def test_names_are_compared(one: str, other: str, least: float, most: float):
    assert least <= likeness(one, other) <= most
    assert likeness(one, other) == likeness(other, one)


COMPANIES, PEOPLE = likeness_of(Customer), likeness_of(Contact)


def profile(*names: str, tax: str = "", emails: str = "", phones: str = "") -> Profile:
    return Profile(names, (tax,) if tax else (), frozenset(emails.split()), frozenset(phones.split()))


def test_reasons_add_up_and_say_themselves():
    found = score(
        COMPANIES,
        profile("Acme GmbH", emails="info@acme.com", phones="+49301234567"),
        profile("ACME", emails="info@acme.com", phones="0301234567"),
    )
    assert [(str(r.kind), r.value, r.weight) for r in found.reasons] == [
        ("EMAIL", "info@acme.com", 0.9), ("PHONE", "0301234567", 0.75), ("NAME", "ACME", 0.8),
    ]  # fmt: skip
    assert found.value == 0.995


def test_tax_numbers_are_compared_without_punctuation_and_speak_against_too():
    same = score(COMPANIES, profile("A", tax="DE 123-456"), profile("B", tax="de123456"))
    assert (same.value, [str(r.kind) for r in same.reasons]) == (0.97, ["TAX_ID", "OTHER_NAME"])
    other = score(COMPANIES, profile("Acme", tax="DE1"), profile("Acme", tax="DE2"))
    assert (other.value, [str(r.kind) for r in other.reasons]) == (0.4, ["NAME", "OTHER_TAX_ID"])


def test_who_only_shares_a_mailbox_is_not_the_same():
    found = score(PEOPLE, profile("Anna Lee", emails="info@acme.com"), profile("Tom Smith", emails="info@acme.com"))
    assert found.value == 0.45
    assert [str(r.kind) for r in found.reasons] == ["EMAIL", "OTHER_NAME"]
    assert score(PEOPLE, profile("Anna Lee"), profile("Anna Lee")).value == 0.5
    assert score(PEOPLE, profile("Anna Lee"), profile("Tom Smith")).value == 0
