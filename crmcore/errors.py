"""Refusals: what crmcore says when it will not do a thing. Each has a stable code; the message says what to do next.

    CrmError
    ├── Refusal                  a business refusal: `errors` of a mutation's payload
    │   ├── Invalid              VALIDATION   a value is missing, malformed or against a rule
    │   ├── NotFound             NOT_FOUND    no such record, or not yours to see: the two are the same
    │   ├── Duplicate            DUPLICATE    a unique value is taken by a living record
    │   ├── Conflict             CONFLICT     the record changed since the caller read it
    │   ├── Forbidden            FORBIDDEN    the caller may not do this
    │   ├── WrongState           STATE        the record's state does not allow the move
    │   ├── Policy               POLICY       a rule of the business forbids it
    │   ├── Limit                LIMIT        too much at once
    │   ├── RateLimited          RATE_LIMITED too often
    │   └── PluginRefusal        PLUGIN       a plugin said no
    ├── Refusals                 several refusals of one command
    ├── BadInput                 BAD_USER_INPUT   a malformed id, cursor or argument: a top-level error
    ├── Unauthenticated          UNAUTHENTICATED  no valid token
    ├── PluginFailed             PLUGIN_FAILED    a plugin's function raised, took too long or answered something wrong
    ├── KeyReused                IDEMPOTENCY_KEY_REUSED   the key of another mutation
    ├── KeyInUse                 IDEMPOTENCY_KEY_IN_USE   the key of a mutation that is under way
    └── ConfigError              a setting, file or database that stops the start; the text is for the operator

A refusal's `path` holds the names of the command's own inputs (`("amount",)`); the edge puts its own prefix before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, ClassVar


class ErrorCode(StrEnum):
    """The codes of business refusals, as the API's `ErrorCode` lists them."""

    VALIDATION = "VALIDATION"
    NOT_FOUND = "NOT_FOUND"
    DUPLICATE = "DUPLICATE"
    CONFLICT = "CONFLICT"
    FORBIDDEN = "FORBIDDEN"
    STATE = "STATE"
    POLICY = "POLICY"
    LIMIT = "LIMIT"
    RATE_LIMITED = "RATE_LIMITED"
    PLUGIN = "PLUGIN"


class CrmError(Exception):
    """Everything that crmcore refuses on purpose."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Refusal(CrmError):
    """One business refusal. `path` names the input at fault; `index` is the change's place in a command's list, and
    `change` that change, where the caller of the write engine asked for it."""

    code: ClassVar[ErrorCode] = ErrorCode.VALIDATION

    def __init__(self, message: str, *path: str, index: int = 0, **details: Any) -> None:
        super().__init__(message)
        self.path: tuple[str, ...] = path
        self.index = index
        self.change: Any = None
        self.details = details


class Invalid(Refusal):
    code = ErrorCode.VALIDATION


class NotFound(Refusal):
    code = ErrorCode.NOT_FOUND


class Duplicate(Refusal):
    """`details`: existing_id, the living record that holds the value."""

    code = ErrorCode.DUPLICATE


class Conflict(Refusal):
    """`details`: current_version, changed_fields."""

    code = ErrorCode.CONFLICT


class Forbidden(Refusal):
    code = ErrorCode.FORBIDDEN


class WrongState(Refusal):
    """`details`: current, allowed (the states the record may move to now)."""

    code = ErrorCode.STATE


class Policy(Refusal):
    code = ErrorCode.POLICY


class Limit(Refusal):
    code = ErrorCode.LIMIT


class RateLimited(Refusal):
    code = ErrorCode.RATE_LIMITED


class PluginRefusal(Refusal):
    """`details`: plugin (its id), reason (a code of its own, PLUGIN_FAULT where it failed)."""

    code = ErrorCode.PLUGIN


class Refusals(CrmError):
    """The refusals of one command, at least one; nothing of the command was done."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__("; ".join(r.message for r in refusals))
        self.refusals = list(refusals)


class BadInput(CrmError):
    """A malformed value that never reaches a command. `path` is the argument's path."""

    code = "BAD_USER_INPUT"

    def __init__(self, message: str, *path: str) -> None:
        super().__init__(message)
        self.path: tuple[str, ...] = path


class Unauthenticated(CrmError):
    code = "UNAUTHENTICATED"


class PluginFailed(CrmError):
    """A fault of a plugin: the answer says which, its log why. `place` is the field, or the hook."""

    code = "PLUGIN_FAILED"

    def __init__(self, plugin: str, place: str, why: str = "") -> None:
        super().__init__(f"The plugin {plugin} failed at {place}{': ' + why if why else ''}.")
        self.plugin, self.place = plugin, place


class KeyReused(CrmError):
    code = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        super().__init__(
            "This idempotency key was used for something else in the last 24 hours: give each mutation its own."
        )


class KeyInUse(CrmError):
    code = "IDEMPOTENCY_KEY_IN_USE"

    def __init__(self) -> None:
        super().__init__("The mutation with this idempotency key is under way: ask again in a moment for its answer.")


class ConfigError(CrmError):
    """The operator has to change something; the message says what."""
