"""Who may see and do what: one predicate for every table a statement touches, and `may` for every action.

A model says once how its rows are guarded (`Record.access`):

    WHOLE_TENANT            everybody of the tenant (users, products, stages)
    BY_OWNER                the row's own owner_id and team_id
    through("customer")     as the record that foreign key names; several names: any one of them is enough
    through_children(...)   as any living child that links to it (a contact, by its links)
    TENANT_REACH            only callers who see the whole tenant (the audit log); Forbidden for the others

A policy says how far its holder sees (TENANT, TEAM, OWN), and a token's scopes what may be done to which kinds of
records at all. What is not visible and what is not there give the same answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal
from uuid import UUID

from crmcore.kit.choices import Choices

Action = Literal["read", "create", "update", "delete", "restore", "purge"]


RIGHTS: Final = ("read", "write", "purge")
"""What a scope may end in."""

_RIGHTS: Final[Mapping[str, tuple[str, ...]]] = {"read": ("read", "write"), "purge": ("purge",)}


class ActorKind(Choices):
    """Who acts."""

    USER = "USER", "A colleague, signed in or by a token of theirs."
    API_KEY = "API_KEY", "A program with a token of its own."
    PLUGIN = "PLUGIN", "A plugin."
    SYSTEM = "SYSTEM", "crmcore itself, or the command line."
    IMPORT = "IMPORT", "An import of files."


class Reach(StrEnum):
    """How far an actor sees among records that have an owner."""

    TENANT = "TENANT"
    TEAM = "TEAM"
    OWN = "OWN"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: `id` is the user's, the token's or the plugin's; `user_id` and `team_id` are set for a user, `token_id`
    where an API token was used."""

    kind: ActorKind
    id: UUID | None = None
    user_id: UUID | None = None
    team_id: UUID | None = None
    name: str = ""
    token_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """How a table's rows are guarded; made by the names below."""

    kind: Literal["tenant", "owner", "parents", "children", "reach"]
    names: tuple[str, ...] = ()


WHOLE_TENANT: Final = Access("tenant")
BY_OWNER: Final = Access("owner")
TENANT_REACH: Final = Access("reach")


def through(*foreign_keys: str) -> Access:
    """Guarded as the record that any of these foreign keys names."""
    return Access("parents", foreign_keys)


def through_children(*links: str) -> Access:
    """Guarded as any living child, each written `table.foreign_key` (`contact_link.contact`)."""
    return Access("children", links)


@dataclass(frozen=True, slots=True)
class Policy:
    """What one caller may see and do. `fields_version` is that of the tenant's custom fields, where it is known.

    `scopes` narrow what may be done at all, by table: `customer:read`, `customer:write` (which includes reading),
    `customer:purge`, and `*` for every table; beside them stand permissions that plugins define (`email.send`). None
    is everything.
    """

    tenant_id: UUID
    actor: Actor
    reach: Reach = Reach.TENANT
    fields_version: int | None = None
    scopes: frozenset[str] | None = None

    @property
    def shape(self) -> str:
        """The part of the policy that changes a statement's text; the caller's ids are bound, never in it."""
        return self.reach if self.scopes is None else " ".join((self.reach, "only", *sorted(self.scopes)))

    def may(self, action: Action, record: str) -> bool:
        """Whether the caller may do `action` to records of this kind, named by their table, at all."""
        if self.scopes is None:
            return True
        rights = _RIGHTS.get(action, ("write",))
        return any(f"{kind}:{right}" in self.scopes for kind in (record, "*") for right in rights)

    def holds(self, permission: str) -> bool:
        """Whether the caller has a permission that a plugin defines (`email.send`)."""
        return self.scopes is None or permission in self.scopes
