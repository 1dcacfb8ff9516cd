"""What has happened, for auditors: every fact that the write engine has recorded."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from crmcore.platform import events, identity
from crmcore.platform.access import ActorKind
from crmcore.query import Actor, AnyRecord, FreeData, field, log
from crmcore.records import transitions
from crmcore.schema.scalars import ID

if TYPE_CHECKING:
    from crmcore.schema.people import User


@log(events.Event)
class AuditEntry:
    """A fact: what happened to a record, who did it, when and why. Facts are never changed. The latest come first with
    orderBy: {field: ID, direction: DESC}."""

    sequence: int = field("The place among all facts: a later one has a higher number; there may be gaps.")
    type: str = field("What happened, such as customer.updated or deal.won; eventTypes lists them all.")
    record: AnyRecord | None = field("The record that it happened to; null if it is deleted or you may not see it.")
    record_type: str = field("The kind of that record, as its global id begins.")
    actor: Actor = field("Who did it.")
    user: User | None = field("The colleague who did it; null where it was somebody else.", column="actor")
    token: ApiToken | None = field("The API token that was used; null where none was.")
    at: datetime = field("When it happened.")
    operation: str | None = field("The mutation, job or command that did it.")
    cause: ID = field("The same for everything that one request, job or command did.")
    reason: str | None = field("Why, as the caller said it: changeReason, or the reason of a move.")
    changed_fields: list[str] = field("The columns that are different now.")
    before: FreeData | None = field("What changed, as it was; the whole record of one that was deleted.")
    after: FreeData | None = field("What changed, as it is now; the whole record of one that is new.")
    erased_at: datetime | None = field("When before, after and reason were erased for good; null if they were not.")


@log(identity.ApiToken)
class ApiToken:
    """A token by which a program or a colleague uses the API. Its secret is not kept."""

    name: str = field("What it is called.")
    actor_kind: ActorKind = field("As whom it acts.")
    user: User | None = field("The colleague as whom it acts; null where it acts as itself.")
    created_at: datetime = field("When it was made.")
    expires_at: datetime | None = field("When it ends by itself.")
    revoked_at: datetime | None = field("When it was revoked.")


@log(transitions.Transition)
class Transition:
    """A record moved from one state to another; stateMachines tells the states. What stages a deal passed through is in
    its stageTransitions, because they are yours."""

    record: AnyRecord | None = field("The record that moved; null if it is deleted or you may not see it.")
    record_type: str = field("The kind of that record, as its global id begins.")
    from_state: str = field("The state that it left.")
    to_state: str = field("The state that it came to.")
    at: datetime = field("When it moved.")
    seconds: int = field("How many whole seconds it stood in the state that it left.")
    actor: Actor = field("Who moved it.")
    user: User | None = field("The colleague who moved it; null where it was somebody else.", column="actor")
    cause: ID = field("The same for everything that one request, job or command did.")
    reason: str | None = field("Why.")
    field: str = field("The field that holds its state.")
