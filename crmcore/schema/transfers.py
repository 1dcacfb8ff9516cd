"""`importStart` and `exportStart`: what a file is to become, and which list is to become a file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from graphql import GraphQLResolveInfo

from crmcore.domain.files import Export, FileFormat, Import, ImportMode
from crmcore.errors import Invalid
from crmcore.importing import start_import
from crmcore.platform.context import Context
from crmcore.query import FreeData, Registry
from crmcore.schema.exporting import start_export
from crmcore.schema.mutations import answer
from crmcore.schema.record_types import RECORD_TYPE_NAME, changing
from crmcore.schema.roots import RootField
from crmcore.schema.scalars import ID, record_key
from crmcore.schema.shapes import Field, Shapes, argument, listed, optional, shaped
from crmcore.schema.writing import Payload

_OPTIONS: Final = {
    "system": (str, "The system whose ids externalId is; import unless given."),
    "sheet": (str, "The sheet of a workbook; the first unless given."),
    "encoding": (str, "The encoding of a CSV file; UTF-8, else GB18030, unless given."),
    "delimiter": (str, "What stands between values of a CSV file; a comma unless given."),
    "decimal": (str, "What stands before decimals; a point unless given."),
    "thousands": (str, "What groups digits; nothing unless given."),
    "timeZone": (str, "The zone of times without an offset, by its IANA name; UTC unless given."),
    "definition": (str, "Instead of as and mapping: a mapping in TOML, by which a row may become several records."),
}

_MORE: Final = ("mapping", "matchOn", "format", "dates", "nullValues")


def transfer_mutations(registry: Registry, shapes: Shapes) -> list[RootField]:
    """The mutations that begin imports."""
    shapes.input("ImportValueInput", "What a value of the file means.", _value)
    column = shapes.input("ImportColumnInput", "Where the values of a field come from.", lambda: _column(shapes))
    said = "A file, and what its rows are to become."
    made = shapes.input("ImportStartInput", said, lambda: _input(shapes, column))
    given = [argument("input", made, said)]
    said = (
        "Have a file brought in by a worker. The import is answered at once: ask for it again, or subscribe to it, to "
        "see how far it is. A row is saved whole or not at all; refused rows are in the file errors when it is done."
    )
    field = shaped("importStart", optional(shapes["ImportPayload"]), said, arguments=given)
    return [RootField(field, partial(_start, registry)), _export(registry, shapes)]


def _export(registry: Registry, shapes: Shapes) -> RootField:
    said = "A list, and how it is written."
    made = shapes.input("ExportStartInput", said, lambda: _export_input(shapes))
    told = (
        "Have a list written to a file by a worker, all its pages, as you see it. The export is answered at once: ask "
        "for it again, or subscribe to it, to see how far it is; its file has a link."
    )
    given = [argument("input", made, said)]
    return RootField(
        shaped("exportStart", optional(shapes["ExportPayload"]), told, arguments=given),
        partial(_start_export, registry),
    )


def _export_input(shapes: Shapes) -> list[Field]:
    return [
        shaped("query", str, "One query of one list without paging: { customers(where: {...}) { nodes { name } } }."),
        shaped("variables", optional(FreeData), "The query's variables."),
        shaped("format", shapes.choice(FileFormat), "How the file is written."),
        shaped(
            "columns",
            optional(listed(str)),
            "Some of the columns, in this order, such as owner.email; all unless given.",
        ),
    ]


async def _start_export(registry: Registry, _source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
    sent: Mapping[str, Any] = given["input"]

    async def command(ctx: Context) -> Any:
        variables = sent.get("variables") or {}
        if not isinstance(variables, dict):
            raise Invalid("variables must be an object.", "variables")
        return await start_export(
            ctx,
            info.context.runner,
            query=sent["query"],
            variables=variables,
            format=sent["format"],
            columns=sent.get("columns"),
        )

    paths = {name: (name,) for name in ("query", "variables", "columns")}
    return await answer(registry.by_model[Export], info, command, paths)


async def _start(registry: Registry, _source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
    sent: Mapping[str, Any] = given["input"]
    options = {name: sent[name] for name in (*_OPTIONS, *_MORE) if name in sent}
    options["mode"] = sent.get("mode") or ImportMode.CREATE

    async def command(ctx: Context) -> Any:
        named = changing(registry).get(sent.get("as") or "")
        if named is not None and "create" not in named.writes:
            raise Invalid(f"{named.name} records follow from others: no file can bring them.", "as")
        file = record_key(sent["file"], "file", "input", "file")
        return await start_import(
            ctx, registry, file, named.name if named else None, dry_run=bool(sent.get("dryRun")), options=options
        )

    paths = {name: (name,) for name in ("as", "file", *_OPTIONS, *_MORE)}
    return await answer(registry.by_model[Import], info, command, paths)


def _value() -> list[Field]:
    return [
        shaped("from", str, "The value as it stands in the file; * is every other one, an empty text an empty value."),
        shaped("to", str, "What it means, as the API writes it; an empty text is null."),
    ]


def _column(shapes: Shapes) -> list[Field]:
    return [
        shaped(
            "field",
            str,
            "The field: name; annualRevenue.amount; owner.email, which finds the owner by it; owner.id; "
            "owner.externalId. id and externalId say which record the row is.",
        ),
        shaped("column", optional(str), "The column that holds the value; else give value."),
        shaped("value", optional(str), "A value for all rows."),
        shaped("default", optional(str), "What an empty value means."),
        shaped("required", optional(bool), "Whether an empty value refuses the row."),
        shaped("values", optional(listed(shapes["ImportValueInput"])), "What each value means; others refuse the row."),
        shaped("currency", optional(str), "ISO 4217 code, for an amount of money."),
        shaped("currencyColumn", optional(str), "The column that holds the currency, for an amount of money."),
        shaped("system", optional(str), "For externalId of another record: whose it is, if another's."),
    ]


def _input(shapes: Shapes, column: Any) -> list[Field]:
    file_format, mode = shapes.choice(FileFormat), shapes.choice(ImportMode)
    return [
        shaped("file", ID, "Global id of the file, as POST /files answered it."),
        shaped("as", optional(shapes[RECORD_TYPE_NAME]), "What a row becomes; needed unless there is a definition."),
        shaped("mapping", optional(listed(column)), "Columns and their fields; unless given, columns so called."),
        shaped("mode", optional(mode), "What is done with a row; CREATE unless given."),
        shaped(
            "matchOn",
            optional(str),
            "The field that finds a row's record: id, externalId, or a text such as taxId. Unless given, one of the "
            "first two.",
        ),
        shaped("dryRun", optional(bool), "True only tries the first 10,000 rows: nothing is saved, nothing follows."),
        shaped("format", optional(file_format), "How the file is written; unless given, its name and beginning tell."),
        shaped("dates", optional(listed(str)), "Forms of dates, such as %d.%m.%Y; ISO 8601 unless given."),
        shaped("nullValues", optional(listed(str)), "Texts that mean nothing, such as n/a; an empty one always does."),
        *(shaped(name, optional(kind), said) for name, (kind, said) in _OPTIONS.items()),
    ]
