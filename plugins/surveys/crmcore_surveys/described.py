"""Enums whose values say what they mean: the graph prints it."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Described(StrEnum):
    """Each member is its value and what that means."""

    description: str

    def __new__(cls, value: str, description: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_, member.description = value, description
        return member
