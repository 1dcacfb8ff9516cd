"""What an ERP may answer instead of doing it: whether it is worth trying again is said by the class."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar


class ErpError(Exception):
    """Something that the ERP did not do. `code` is stable; `retryable` says whether the same may work later."""

    code: ClassVar[str] = "ERP"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unreachable(ErpError):
    """No answer, or none that says what became of it: it may have been done. `pause` is what the ERP asked for."""

    code = "UNREACHABLE"
    retryable = True

    def __init__(self, message: str, pause: timedelta | None = None) -> None:
        super().__init__(message)
        self.pause = pause


class Stale(ErpError):
    """Somebody changed it in the ERP since it was read: read it again."""

    code = "STALE"
    retryable = True


class Refused(ErpError):
    """The ERP's own rules forbid it; its message says why."""

    code = "REFUSED"


class Missing(ErpError):
    """The ERP has no such record."""

    code = "MISSING"


class Unauthorized(ErpError):
    """The key is wrong, revoked, or may not do this."""

    code = "UNAUTHORIZED"
