"""The condition that every statement puts on every table: the tenant's rows, living, within the caller's reach."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from uuid import UUID

from tortoise.models import Model

from crmcore.kit.sql import Bind, Dialect, Sql, all_of, any_of, ident
from crmcore.platform.access import WHOLE_TENANT, Access, Policy, Reach
from crmcore.platform.tables import foreign_keys

PolicyOf = Callable[[Any], Policy]
_DEEPEST: Final = 8


def of_context(run: Any) -> Policy:
    """The policy of a read engine's run."""
    found: Policy = run.context.policy
    return found


def predicate(
    policy: Policy,
    model: type[Model],
    alias: str,
    dialect: Dialect,
    *,
    policy_of: PolicyOf = of_context,
    deleted: bool = False,
    reached: bool = False,
) -> Sql:
    """The rows of `model`, used as `alias`, that the caller may see; with `deleted`, those they may restore.

    `reached` says that the statement gets to them by a row which it guards and which makes them visible (see
    `shown_by_parent`): then only the tenant and the deletion are left to ask.

    Only the policy's reach goes into the text. The ids are bound: `policy_of` gives the policy of the run that the
    statement's values are made for. Aliases inside begin with `alias`, so they are as unique as it is.
    """
    guard = _Guard(Reach.TENANT if reached else policy.reach, dialect, policy_of)
    return guard.rows(model, alias, 0, deleted=deleted)


def readable(policy: Policy, model: type[Model], *, reached: bool = False) -> bool:
    """Whether the caller may read rows of `model` at all; `reached` as in `predicate`."""
    access: Access = getattr(model, "access", WHOLE_TENANT)
    near = access.kind == "reach" and policy.reach is not Reach.TENANT and not reached
    return not near and policy.may("read", model._meta.db_table)


def shown_by_parent(model: type[Model], column: str, parent: type[Model]) -> bool:
    """Whether a visible row of `parent` makes the living rows of `model` visible that name it in `column`."""
    access: Access = getattr(model, "access", WHOLE_TENANT)
    named = foreign_keys(model).get(column) is parent
    return named and access.kind == "parents" and column in {f"{name}_id" for name in access.names}


def shown_by_child(model: type[Model], child: type[Model], column: str) -> bool:
    """Whether a visible row of `child` makes the living row of `model` visible that it names in `column`."""
    access: Access = getattr(model, "access", WHOLE_TENANT)
    named = foreign_keys(child).get(column) is model
    links = {f"{link}_id" for link in access.names}
    return named and access.kind == "children" and f"{child._meta.db_table}.{column}" in links


@dataclass(frozen=True, slots=True)
class _Guard:
    reach: Reach
    dialect: Dialect
    policy_of: PolicyOf

    def rows(self, model: type[Model], alias: str, depth: int, *, deleted: bool = False) -> Sql:
        """A deleted row's parents must live (else it cannot come back), its children are those deleted with it."""
        if depth > _DEEPEST:
            raise ValueError(f"{model.__name__} is guarded through too many tables, or through itself")
        return all_of([*self._there(model, alias, deleted), *self._within(model, alias, depth, deleted)])

    def _there(self, model: type[Model], alias: str, deleted: bool) -> Iterator[Sql]:
        tenant = self._bind("tenant", lambda policy: policy.tenant_id)
        yield Sql(f"{alias}.tenant_id = ", tenant)
        if "deleted_at" in model._meta.fields_map:  # the rows of a log are never deleted
            yield Sql(f"{alias}.deleted_at IS {'NOT ' if deleted else ''}NULL")

    def _within(self, model: type[Model], alias: str, depth: int, deleted: bool) -> Iterator[Sql]:
        access: Access = getattr(model, "access", WHOLE_TENANT)
        if self.reach is Reach.TENANT or access.kind == "tenant":
            return
        if access.kind == "owner":
            yield any_of(self._owned(alias))
        elif access.kind == "reach":
            yield Sql("1 = 0")
        elif access.kind == "parents":
            yield any_of(self._parent(model, alias, name, depth) for name in access.names)
        else:
            yield any_of(self._child(model, alias, link, depth, deleted) for link in access.names)

    def _owned(self, alias: str) -> Iterator[Sql]:
        yield Sql(f"{alias}.owner_id = ", self._bind("user", lambda policy: policy.actor.user_id))
        if self.reach is Reach.TEAM:
            yield Sql(f"{alias}.team_id = ", self._bind("team", lambda policy: policy.actor.team_id))

    def _parent(self, model: type[Model], alias: str, name: str, depth: int) -> Sql:
        column = f"{name}_id"
        parent = foreign_keys(model)[column]
        inner, table = f"{alias}_{name}", ident(parent._meta.db_table)
        return Sql(
            f"EXISTS (SELECT 1 FROM {table} {inner} WHERE {inner}.id = {alias}.{ident(column)} AND ",
            self.rows(parent, inner, depth + 1), ")",
        )  # fmt: skip

    def _child(self, model: type[Model], alias: str, link: str, depth: int, deleted: bool) -> Sql:
        table, _, name = link.partition(".")
        child = _linking(model, table, f"{name}_id")
        inner = f"{alias}_{table}"
        together = f"{inner}.deletion_id = {alias}.deletion_id AND " if deleted else ""
        return Sql(
            f"EXISTS (SELECT 1 FROM {ident(table)} {inner} WHERE {inner}.{ident(f'{name}_id')} = {alias}.id AND ",
            together, self.rows(child, inner, depth + 1, deleted=deleted), ")",
        )  # fmt: skip

    def _bind(self, key: str, part: Callable[[Policy], UUID | None]) -> Bind:
        policy_of = self.policy_of
        if self.dialect == "postgres":
            return Bind(lambda run: part(policy_of(run)), "uuid", key)
        return Bind(lambda run: None if (found := part(policy_of(run))) is None else str(found), "", key)


@cache
def _linking(model: type[Model], table: str, column: str) -> type[Model]:
    """The model of this table whose foreign key names `model`. Only that tells it from a migration's old models."""
    todo = list(Model.__subclasses__())
    while todo:
        found = todo.pop()
        todo.extend(found.__subclasses__())
        if getattr(found._meta, "db_table", "") == table and foreign_keys(found).get(column) is model:
            return found
    raise LookupError(f"No {table}.{column} names {model.__name__}.")
