"""What an endpoint asks for must fit the graph: checked when it is written, so that it is not found out by sending."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from graphql import GraphQLSchema

from crmcore.errors import BadInput, Invalid, Refusals
from crmcore.kit.text import camel
from crmcore.platform.context import Context
from crmcore.platform.record import SYSTEM_COLUMNS
from crmcore.platform.tables import columns_of
from crmcore.platform.webhooks import AddressRefused, Guard, Target
from crmcore.query import ReadEngine, RecordType, check_filter
from crmcore.records.catalogue import events_of
from crmcore.schema.documents import Documents, Refused
from crmcore.schema.record_filters import RECORD_FILTERS, as_written, filters_by_type
from crmcore.schema.webhooks.selecting import document

_COLUMNS: Final = {"eventTypes": "event_types", "where": "filters", "changedFields": "changed_fields"}


class Fitting:
    """The checks of one app. What does not fit is refused, with the input at fault."""

    def __init__(self, engine: ReadEngine, documents: Documents, guard: Guard) -> None:
        self.engine, self.documents, self.guard = engine, documents, guard

    @property
    def schema(self) -> GraphQLSchema:
        return self.engine.schema

    async def columns(self, ctx: Context, sent: Mapping[str, Any]) -> dict[str, Any]:
        """A mutation's input as columns of an endpoint. Refused for an address or a filter that cannot be."""
        values = {_COLUMNS.get(name, name): value for name, value in sent.items() if name != "id"}
        if values.get("url") is not None:
            self._check_address(values["url"])
        if values.get("filters") is not None:
            await self._check_filters(ctx, sent["where"])
            values["filters"] = as_written(self.schema.type_map[RECORD_FILTERS], sent["where"])
        if "changed_fields" in values:
            values["changed_fields"] = values["changed_fields"] or []
        return values

    def whole(self, endpoint: Mapping[str, Any]) -> None:
        """The endpoint as it will be: what is in one input must fit what is in another."""
        patterns = endpoint["event_types"] or []
        records = self._records(patterns)
        known = {camel(c) for r in records for c in columns_of(r.model) if c not in SYSTEM_COLUMNS} | {"externalRefs"}
        for place, name in enumerate(endpoint.get("changed_fields") or []):
            if name not in known:
                raise _invalid(f"{name[:80]!r} is no field of these records", "changed_fields", str(place))
        if endpoint.get("payload") is None:
            return
        try:
            found = self.documents.find(document(self.engine.registry, patterns, endpoint["payload"]))
        except ValueError as error:
            raise _invalid(str(error), "payload") from error
        if isinstance(found, Refused):
            raise _invalid(found.errors[0].message, "payload")

    def _check_address(self, url: str) -> None:
        try:
            self.guard.refuse_url(Target.of(url))
        except ValueError:  # the record's own rules say what is wrong
            return
        except AddressRefused as refused:
            raise _invalid(str(refused), "url") from refused

    async def _check_filters(self, ctx: Context, given: Mapping[str, Any]) -> None:
        for name, where in filters_by_type(self.engine.registry, given).items():
            try:
                await check_filter(self.engine, ctx, self.engine.registry.records[name], where)
            except BadInput as bad:
                raise Refusals([Invalid(bad.message, *bad.path)]) from bad

    def _records(self, patterns: Sequence[str]) -> list[RecordType]:
        """The types of records that the events are about."""
        known = {table: r for table, r in self.engine.registry.by_table.items() if not r.is_log}
        areas: dict[str, None] = {}
        for place, pattern in enumerate(patterns):
            area, _, fact = pattern.partition(".")
            areas[area] = None
            if area == "*":
                continue
            if area not in known or (fact != "*" and pattern not in events_of(known[area].written)):
                said = f"{pattern[:80]!r} never happens: the query eventTypes {{ name }} lists what does"
                raise _invalid(said, "event_types", str(place))
        return [*known.values()] if "*" in areas else [known[area] for area in areas]


def _invalid(said: str, *path: str) -> Refusals:
    return Refusals([Invalid(f"{camel(path[0])}: {said.rstrip('.')}.", *path)])
