"""The context of one request or command: who, for which tenant, on which database, at what time, why."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from crmcore.kit import times
from crmcore.kit.ids import new_id
from crmcore.platform.access import Actor, Policy
from crmcore.platform.custom import Definitions, KnownFields
from crmcore.platform.database import Database, Transaction
from crmcore.platform.enclosed import Enclosed
from crmcore.platform.hooks import ChangeHooks


@dataclass(slots=True)
class Context:
    """Handed to every command and every read. `cause` groups the events of one request. `operation` names what is done
    (a mutation, a job, a command), `reason` is why the caller says it is: both stand in every event.

    `graph` is the app's `records.RecordGraph`, which every write needs (this room cannot name its type). `known` are
    the definitions of custom fields that the process has read; to this context they are as they were when it began,
    but for what it changes itself (`custom_fields_changed`). `secret` signs links to files. `jobs` are the app's
    kinds of jobs by name, each a `jobs.JobKind` (which this room cannot name either), `plugins` what the plugins that
    are loaded stand on (`plugins.backing.Backing`), `guard` the `calling.Guard` round their functions, and `hooks` are
    those plugins that check changes; None where there are none.
    """

    db: Database
    policy: Policy
    graph: Any = None
    clock: Callable[[], datetime] = times.now
    cause: UUID = field(default_factory=new_id)
    known: KnownFields = field(default_factory=KnownFields)
    secret: bytes = field(default=b"", repr=False)
    operation: str = ""
    reason: str = ""
    jobs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    plugins: Any = field(default=None, repr=False)
    guard: Any = field(default=None, repr=False)
    hooks: ChangeHooks | None = field(default=None, repr=False)
    _uncertain: bool = False

    @property
    def tenant_id(self) -> UUID:
        return self.policy.tenant_id

    @property
    def actor(self) -> Actor:
        return self.policy.actor

    @asynccontextmanager
    async def enclosed(self) -> AsyncIterator[Transaction]:
        """Everything that is done with this context in the block is one transaction: `db` is that transaction's."""
        outer, policy, uncertain = self.db, self.policy, self._uncertain
        try:
            async with outer.transaction() as tx:
                self.db = Enclosed(outer, tx)
                try:
                    yield tx
                finally:
                    self.db = outer
        except BaseException:  # what was read of it never was
            self.policy, self._uncertain = policy, uncertain
            raise

    def known_fields(self) -> Definitions | None:
        """The tenant's custom fields, if this process knows them already."""
        return self.known.find(self.tenant_id, self.policy.fields_version)

    async def custom_fields(self, tx: Transaction | None = None) -> Definitions:
        """The tenant's custom fields; one statement where this process does not know them."""
        found = self.known_fields()
        if found is None:
            found = await self.known.read(tx or self.db, self.tenant_id)
            if not self._uncertain or (tx is None and not isinstance(self.db, Enclosed)):
                self.known.keep(self.tenant_id, found)
            self.policy = replace(self.policy, fields_version=found.version)
        return found

    def custom_fields_changed(self, version: int) -> None:
        """Another definition was written in a transaction that may still fail: what is read in it is for us alone."""
        self._uncertain = True
        self.policy = replace(self.policy, fields_version=version)
