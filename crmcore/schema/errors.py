"""Where a refusal becomes an answer: a business refusal in a mutation's payload, everything else at the top level."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from graphql import GraphQLError, get_named_type

from crmcore.errors import (
    BadInput,
    CrmError,
    ErrorCode,
    KeyInUse,
    KeyReused,
    PluginFailed,
    Refusal,
    Refusals,
    Unauthenticated,
)
from crmcore.kit.ids import to_global
from crmcore.kit.text import camel, snake
from crmcore.platform.database import StatementTimeout, StorageFull, Unavailable

log = logging.getLogger("crmcore.schema")

BAD_USER_INPUT: Final = "BAD_USER_INPUT"
INTERNAL: Final = "INTERNAL_SERVER_ERROR"
DEADLINE: Final = "DEADLINE_EXCEEDED"
UNAVAILABLE: Final = "SERVICE_UNAVAILABLE"
STORAGE_FULL: Final = "STORAGE_FULL"

_CODED: Final = (BadInput, Unauthenticated, KeyReused, KeyInUse, PluginFailed)

TYPENAMES: Final[Mapping[ErrorCode, str]] = {
    ErrorCode.VALIDATION: "ValidationError",
    ErrorCode.NOT_FOUND: "NotFoundError",
    ErrorCode.DUPLICATE: "DuplicateError",
    ErrorCode.CONFLICT: "ConflictError",
    ErrorCode.FORBIDDEN: "ForbiddenError",
    ErrorCode.STATE: "StateError",
    ErrorCode.POLICY: "PolicyError",
    ErrorCode.LIMIT: "LimitError",
    ErrorCode.RATE_LIMITED: "RateLimitedError",
    ErrorCode.PLUGIN: "PluginError",
}


@dataclass(frozen=True, slots=True)
class UserError:
    """One of a payload's errors, as the graph shows it; the attributes are the fields of every implementer."""

    typename: str
    code: ErrorCode
    message: str
    path: list[str]
    existing: str | None = None
    currentVersion: int | None = None  # noqa: N815  named like the field it answers
    changedFields: Sequence[str] = ()  # noqa: N815
    current: str | None = None
    allowed: Sequence[str] = ()
    plugin: str | None = None
    reason: str | None = None


Paths = Mapping[str, tuple[str, ...]]


def user_errors(refused: Refusal | Refusals, paths: Paths, table: str, takes: Mapping[str, Any]) -> list[UserError]:
    """The payload's errors: every refusal with its path as the document wrote it.

    `paths` says where in the mutation's input a name of the command stands, where camelCase alone does not;
    `id` and `expected_version` are arguments beside the input. `takes` holds the mutation's arguments: what a refusal
    names and the mutation does not take is the record's own, so its `id` is the argument at fault; what is an argument
    and not in the input is at fault itself.
    """
    refusals = refused.refusals if isinstance(refused, Refusals) else [refused]
    return [user_error(one, _path(one.path, paths, takes), table) for one in refusals]


def user_error(one: Refusal, path: list[str], table: str) -> UserError:
    """The error that a refusal is, with its path as the document wrote it. `table` is the record's that is refused."""
    details = one.details
    existing = details.get("existing_id")
    return UserError(
        typename=TYPENAMES[one.code],
        code=one.code,
        message=one.message,
        path=path,
        existing=to_global(details.get("existing_table", table), existing) if existing else None,
        currentVersion=details.get("current_version"),
        changedFields=[camel(name) for name in details.get("changed_fields", ())],
        current=details.get("current"),
        allowed=list(details.get("allowed", ())),
        plugin=details.get("plugin"),
        reason=details.get("reason") or None,
    )


def _path(path: Sequence[str], paths: Paths, takes: Mapping[str, Any]) -> list[str]:
    if not path:
        return []
    head, *rest = map(snake, path)
    if not rest and head in {"id", "expected_version"} and head not in paths:
        return [camel(head)]
    inside = paths.get(head, (camel(head),))
    fields = get_named_type(takes["input"].type).fields if "input" in takes else {}
    if inside[0] in takes and inside[0] not in fields:
        return [*inside, *map(camel, rest)]
    if "id" in takes and inside[0] not in fields:
        return ["id"]
    return ["input", *inside, *map(camel, rest)]


def formatted(error: GraphQLError, request_id: str, *, code: str = "") -> dict[str, Any]:
    """One top-level error as it goes out. `code` says that the operation never ran: then every text is the caller's.

    What nobody meant to say is masked and logged under the request's id; a caller who quotes it can be helped.
    """
    cause = error.original_error
    out: dict[str, Any] = {"message": error.message}
    if error.locations:
        out["locations"] = [location.formatted for location in error.locations]
    if error.path:
        out["path"] = list(error.path)
    extensions = {**(error.extensions or {}), "requestId": request_id}
    if isinstance(cause, CrmError):
        out["message"] = cause.message
        extensions["code"] = _code(cause)
        if isinstance(cause, PluginFailed):
            extensions["plugin"] = cause.plugin
            log.error("request %s at %s: %s", request_id, error.path, cause.message, exc_info=cause.__cause__)
        if isinstance(cause, BadInput) and cause.path:
            extensions["argument"] = list(cause.path)
    elif code or cause is None or isinstance(cause, GraphQLError):
        extensions.setdefault("code", code or BAD_USER_INPUT)
    elif isinstance(cause, StatementTimeout):
        out["message"], extensions["code"] = "The answer took too long. Ask for less at once.", DEADLINE
    elif isinstance(cause, Unavailable):
        out["message"], extensions["code"] = "The database does not answer. Try again soon.", UNAVAILABLE
        log.error("database unavailable", extra={"request_id": request_id}, exc_info=cause)
    elif isinstance(cause, StorageFull):
        out["message"] = "The database has no room left, so nothing was saved. Its operator has to make room."
        extensions["code"] = STORAGE_FULL
        log.error("no room on the database's disk", extra={"request_id": request_id}, exc_info=cause)
    else:
        out["message"], extensions["code"] = masked(request_id), INTERNAL
        log.error("unexpected error in request %s at %s", request_id, error.path, exc_info=cause)
    out["extensions"] = extensions
    return out


def masked(request_id: str) -> str:
    """What a caller reads of a bug."""
    return f"Something went wrong on our side. Quote request {request_id} when you report it."


def _code(cause: CrmError) -> str:
    if isinstance(cause, Refusal):
        return str(cause.code)
    if isinstance(cause, Refusals):
        return str(cause.refusals[0].code)
    return cause.code if isinstance(cause, _CODED) else INTERNAL
