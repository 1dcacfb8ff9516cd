"""Secrets at rest: kept so that only who has the installation's secret can read them, each for one place alone.

AES-256-GCM with a key of its own, derived from the secret. A text that was moved to another place, or kept under
another secret, does not open.
"""

from __future__ import annotations

import base64
import binascii
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE: Final = 12
_FORM: Final = "1."


class CannotOpen(ValueError):
    """What is kept cannot be read: it was made with another secret, or for another place."""


class Vault:
    """Closes and opens texts with what follows from `secret`."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(HKDF(SHA256(), 32, salt=None, info=b"crmcore vault 1").derive(secret))

    def close(self, text: str, place: str) -> str:
        """A text that can be kept at this place."""
        nonce = os.urandom(_NONCE)
        return _FORM + base64.b64encode(nonce + self._cipher.encrypt(nonce, text.encode(), place.encode())).decode()

    def open(self, kept: str, place: str) -> str:
        """The text again. CannotOpen says nothing of what is in it."""
        try:
            held = base64.b64decode(kept.removeprefix(_FORM), validate=True)
            if not kept.startswith(_FORM) or len(held) <= _NONCE:
                raise CannotOpen
            return self._cipher.decrypt(held[:_NONCE], held[_NONCE:], place.encode()).decode()
        except (binascii.Error, InvalidTag):
            raise CannotOpen from None
