"""Whose rights a job has: those of whoever asked for it, kept with the job."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from crmcore.platform.access import Actor, ActorKind, Policy, Reach
from crmcore.platform.fields import Uuid

_ID = Uuid()


def system_policy(tenant_id: UUID) -> Policy:
    """The app itself, in this tenant."""
    return Policy(tenant_id, Actor(ActorKind.SYSTEM))


def to_json(policy: Policy) -> dict[str, Any]:
    actor = policy.actor
    ids = {"id": actor.id, "user_id": actor.user_id, "team_id": actor.team_id}
    told: dict[str, Any] = {name: str(key) for name, key in ids.items() if key is not None}
    if policy.scopes is not None:
        told["scopes"] = sorted(policy.scopes)
    return {"kind": actor.kind.value, "name": actor.name, "reach": policy.reach.value, **told}


def from_json(tenant_id: UUID, held: dict[str, Any]) -> Policy:
    id, user_id, team_id = (_ID.from_driver(held.get(name)) for name in ("id", "user_id", "team_id"))
    actor = Actor(ActorKind(held["kind"]), id, user_id, team_id, held["name"])
    scopes = frozenset(held["scopes"]) if "scopes" in held else None
    return Policy(tenant_id, actor, Reach(held["reach"]), scopes=scopes)
