"""What mutations answer: the record, read anew, and the errors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from graphql import GraphQLNamedType

from crmcore.errors import ErrorCode
from crmcore.query import RecordType
from crmcore.records import WriteOutcome
from crmcore.schema.errors import TYPENAMES, UserError
from crmcore.schema.scalars import ID
from crmcore.schema.shapes import Field, Shapes, listed, optional, shaped

_OUTCOME = "What became of the record; null where the mutation says that itself."

_SAID = {
    ErrorCode.VALIDATION: "A value is missing, malformed or against a rule.",
    ErrorCode.NOT_FOUND: "There is no such record, or you may not see it.",
    ErrorCode.DUPLICATE: "A value that must be unique is taken by another record.",
    ErrorCode.CONFLICT: "The record changed since you read it. Read it again and decide.",
    ErrorCode.FORBIDDEN: "You may not do this.",
    ErrorCode.STATE: "The record's state does not allow this move.",
    ErrorCode.POLICY: "A rule of the business forbids it.",
    ErrorCode.LIMIT: "Too much at once.",
    ErrorCode.RATE_LIMITED: "Too often. Wait a little.",
    ErrorCode.PLUGIN: "A plugin said no.",
}


def make_errors(shapes: Shapes) -> list[GraphQLNamedType]:
    """`UserError` and its implementers, which are answered where no field names them."""
    shapes.names("ErrorCode", "What kind of refusal an error is.", {str(code): said for code, said in _SAID.items()})
    shapes.choice(WriteOutcome)
    shapes.interface(
        "UserError",
        "Why a mutation did not do what was asked. Show the message; decide by the code or the type.",
        partial(_error_fields, shapes),
        lambda value: value.typename,
    )
    extra = {
        ErrorCode.DUPLICATE: [
            shaped("existing", optional(ID), "The record that has the value; null if you may not see it.")
        ],
        ErrorCode.CONFLICT: [
            shaped("currentVersion", optional(int), "The record's version now."),
            shaped("changedFields", listed(str), "The fields changed since the version you gave."),
        ],
        ErrorCode.STATE: [
            shaped("current", optional(str), "The state the record is in."),
            shaped("allowed", listed(str), "The states it may move to from there."),
        ],
        ErrorCode.PLUGIN: [
            shaped("plugin", optional(str), "The id of the plugin."),
            shaped("reason", optional(str), "The plugin's own code, for programs; PLUGIN_FAULT where it failed."),
        ],
    }
    return [
        shapes.object(
            TYPENAMES[code],
            said,
            partial(_error_fields, shapes, extra.get(code, ())),
            interfaces=(shapes["UserError"],),
        )
        for code, said in _SAID.items()
    ]


def make_payload(shapes: Shapes, record: RecordType) -> None:
    """`<Record>Payload`, the answer of every mutation of a record, unless it has one of its own."""
    if f"{record.name}Payload" in shapes:
        return
    said = f"The {record.name} as it is now, or the errors that say why nothing was done."
    shapes.object(
        f"{record.name}Payload",
        said,
        lambda: [
            shaped(record.root, optional(shapes[record.name]), "The record as it is now; null if it was refused."),
            shaped("outcome", optional(shapes["WriteOutcome"]), _OUTCOME),
            shaped("errors", listed(shapes["UserError"]), "Empty if it was done."),
        ],
        plugin=record.plugin,
    )


def make_batch_payload(shapes: Shapes, record: RecordType) -> None:
    """`<Records>Payload`, the answer of every batch mutation of a record: a payload for each item."""
    result = shapes[f"{record.name}Payload"]
    shapes.object(
        batch_payload(record),
        f"What became of each item of a batch of {record.name} records.",
        lambda: [
            shaped("results", listed(result), "A result for each item, in the order of the items."),
            shaped("errors", listed(shapes["UserError"]), "All errors, those of the items too; empty if all was done."),
        ],
        plugin=record.plugin,
    )


def batch_payload(record: RecordType) -> str:
    """`CustomersPayload`."""
    return f"{record.root_plural[0].upper()}{record.root_plural[1:]}Payload"


def _error_fields(shapes: Shapes, more: Sequence[Field] = ()) -> list[Field]:
    return [
        shaped("code", shapes["ErrorCode"], "The kind of refusal; stable."),
        shaped("message", str, "What is wrong and what to do about it, for people."),
        shaped("path", listed(str), "The argument at fault, such as [input, timeZone]; empty for the whole command."),
        *more,
    ]


__all__ = ["UserError", "batch_payload", "make_batch_payload", "make_errors", "make_payload"]
