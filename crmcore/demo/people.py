"""Names, addresses and numbers that belong together, in the way of a country."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from crmcore.demo.countries import Country
from crmcore.demo.words import FANTASY, FANTASY_CHINESE, INDUSTRIES
from crmcore.kit.text import fold


@dataclass(frozen=True, slots=True)
class Person:
    """A name as its owner writes it, and in letters that fit an email address."""

    first: str
    last: str
    female: bool
    family_first: bool
    plain: str


def word(random: Random, words: str) -> str:
    """One of the words; an underscore in it is a blank."""
    return random.choice(words.split()).replace("_", " ")


def person(random: Random, country: Country) -> Person:
    female = random.random() < 0.48
    first, _, first_plain = random.choice((country.women if female else country.men).split()).partition(":")
    last, _, last_plain = random.choice(country.families.split()).partition(":")
    plain = f"{_letters(first_plain or first)}.{_letters(last_plain or last)}"
    return Person(first, last, female, country.family_first, plain)


def company(random: Random, country: Country) -> tuple[str, str, str]:
    """Name, legal name and industry."""
    chosen = random.choices(INDUSTRIES, [weight for _, weight, _, _ in INDUSTRIES])[0]
    industry, _, european, chinese = chosen
    if country.code == "CN":
        city = random.choice(country.cities.split()).partition(":")[0]
        stem = "".join(random.sample(FANTASY_CHINESE.split(), 2))
        name = f"{city if random.random() < 0.5 else ''}{stem}{word(random, chinese)}"
        return name, name + word(random, country.forms), industry
    family = random.choice(country.families.split())
    stem = family if random.random() < 0.5 else random.choice(FANTASY.split())
    name = f"{stem} {word(random, european)}"
    return name, f"{name} {word(random, country.forms)}", industry


def domain(name: str, country: Country, number: int) -> str:
    """The company's name on the internet. Always under example.com, so that nothing can ever be sent."""
    letters = _letters(name) or f"company-{number}"
    return f"{letters}-{number}.{country.domain.replace('.', '-')}.example.com"


def phone(random: Random, country: Country, *, mobile: bool = False) -> str:
    head = random.randint(150, 179) if mobile else random.randint(20, 99)
    return f"{country.dial} {head} {random.randint(1_000_000, 9_999_999)}"


def address(random: Random, country: Country) -> dict[str, Any]:
    """The values of an address, the party apart."""
    city, region, postcode = (part.replace("_", " ") for part in random.choice(country.cities.split()).split(":"))
    street, number = word(random, country.streets), random.randint(1, 180)
    before = country.code in ("FR", "GB", "US")
    lines = f"{street}{number}号" if country.code == "CN" else f"{number} {street}" if before else f"{street} {number}"
    digits = "".join(str(random.randrange(10)) if c == "#" else c for c in postcode)
    return {"lines": lines, "city": city, "region": region or None, "postcode": digits, "country": country.name}


def _letters(text: str) -> str:
    spelled = text.translate(str.maketrans("łŁıø", "lLio", "'’"))
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in fold(spelled))
    return "-".join(part for part in plain.split("-") if part)
