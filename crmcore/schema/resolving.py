"""What a resolver finds, and what it may answer beside plain values."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from graphql import (
    GraphQLError,
)

from crmcore.platform.context import Context
from crmcore.platform.idempotency import Keys
from crmcore.query import ReadEngine, Registry, Root
from crmcore.schema.following import Live


@dataclass(slots=True)
class Run:
    """One run of one operation: what a resolver finds in `info.context`. `idempotency_key` is the request's; `refused`
    says that the mutation under way answers with refusals, so that nothing of it was done; `mutations` counts those
    that ran under controls. `plugins` is the app's `plugins.overview.Overview`, `webhooks` its
    `schema.webhooks.fitting.Fitting`, `runner` its `schema.running.Runner`."""

    ctx: Context
    engine: ReadEngine
    registry: Registry
    document: Hashable
    plugins: Any = None
    keys: Keys = field(default_factory=Keys)
    idempotency_key: str = ""
    refused: bool = False
    mutations: int = 0
    live: Live | None = None
    webhooks: Any = None
    runner: Any = None


@dataclass(slots=True)
class Each:
    """Records of any types that several payloads answer with, one each (`OneOf`), by table and key. The first payload
    that is completed reads them for all, by one statement for each place that they are selected in."""

    keys: list[tuple[str, UUID]]
    read: dict[tuple[str, ...], tuple[list[Any], list[GraphQLError]]] = field(default_factory=dict)
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of these records."""

    each: Each
    number: int


@dataclass(frozen=True, slots=True)
class SomeOf:
    """Several of these records, as a list without those that the caller does not see."""

    each: Each
    numbers: Sequence[int]


@dataclass(frozen=True, slots=True)
class EngineRoot:
    """The resolver of a field that the engine answers whatever its arguments are: it reads those itself."""

    root: Root

    def __call__(self, _source: Any, _info: Any, **_arguments: Any) -> Root:
        return self.root


class Results(list[dict[str, Any]]):
    """What a batch answers: a payload for each item. The records in one field of them all are of one type."""
