"""Enums whose values say what they mean."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Choices(StrEnum):
    """A StrEnum whose values may carry a description, where the name alone is not enough:

    class Direction(Choices):
        IN = "IN", "The customer spoke to us."
        OUT = "OUT", "We spoke to the customer."
    """

    description: str

    def __new__(cls, value: str, description: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.description = description
        return member


def described(member: StrEnum) -> str:
    """What an enum value means: its description, else its name as a sentence (`AT_RISK` is `At risk.`)."""
    return getattr(member, "description", "") or member.value.replace("_", " ").capitalize() + "."
