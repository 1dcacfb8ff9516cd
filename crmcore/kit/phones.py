"""Phone numbers: the one form in which two are compared."""

from __future__ import annotations

import re
from typing import Final

_EXTENSION: Final = re.compile(r"\s*(?:;ext=|ext(?:ension)?[.:]?|x|#)\s*(\d{1,8})$", re.IGNORECASE)
_PUNCTUATION: Final = re.compile(r"[\s().\-/\u2010-\u2015\u00a0]")


def normal_phone(text: str) -> str:
    """Digits only, with the plus of an international number (a leading 00 is one) and the extension kept apart.

    `+49 (0)30 123-45 x7` becomes `+493012345;ext=7`. ValueError for anything but 3 to 15 digits (E.164 has 15).
    No country is guessed: a national number stays one.
    """
    number = text.strip()
    found = _EXTENSION.search(number)
    extension = f";ext={found[1]}" if found else ""
    if found:
        number = number[: found.start()]
    if number.startswith(("+", "00")):
        number = number.replace("(0)", "")
    digits = _PUNCTUATION.sub("", number)
    plus = digits.startswith(("+", "00"))
    if plus:
        digits = digits[1:] if digits.startswith("+") else digits[2:]
    if not (digits.isascii() and digits.isdigit() and 3 <= len(digits) <= 15):
        raise ValueError("must be a phone number of 3 to 15 digits, like +49 30 1234567")
    return f"{'+' if plus else ''}{digits}{extension}"
