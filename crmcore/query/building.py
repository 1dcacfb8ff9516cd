"""Declarations become the registry: each is held against its model, and what does not fit is refused by name."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

from tortoise.models import Model

from crmcore.kit.text import camel
from crmcore.platform.fields import Column as ColumnType
from crmcore.platform.fields import Uuid
from crmcore.platform.record import SYSTEM_COLUMNS, OwnedRecord
from crmcore.query.computed import computed, condition
from crmcore.query.declare import (
    Actor,
    AnyRecord,
    Condition,
    Declaration,
    Extension,
    FieldSpec,
    FreeData,
    Many,
    Money,
    Timeline,
)
from crmcore.query.extending import share, targets
from crmcore.query.mapping import (
    INTERFACES,
    AnyField,
    AnyIdField,
    BatchField,
    ColumnField,
    ConditionField,
    CustomFields,
    ExternalRefsField,
    FieldMap,
    ManyField,
    MoneyField,
    OneField,
    RecordType,
    Registry,
    StampField,
    TimelineField,
)
from crmcore.query.moments import members_of, moment_field


def build(declarations: Iterable[Declaration], extensions: Iterable[Extension] = ()) -> Registry:
    """The registry of these declarations. TypeError names a declaration that does not fit its model."""
    declared, added = list(declarations), list(extensions)
    registry = Registry(RecordType(d.name, d.model, d.description, d.writes, d.plugin, d.moment) for d in declared)
    names = {d.name: d.cls for d in declared}
    by_class = {d.cls: d.name for d in declared}
    for d in declared:
        own = registry.records[d.name]
        own.fields.update((f.name, f) for f in _common(own, registry))
        if own.moment is not None:
            _add(own, moment_field(own, own.moment))
        for mapped in _fields(own, d.cls, d.specs, d.plugin, registry, names, by_class):
            _add(own, mapped)
    both: list[tuple[RecordType, Declaration | Extension]] = [(registry.records[d.name], d) for d in declared]
    for e in added:
        for target in targets(registry, e):
            both.append((target, e))
            for mapped in _fields(target, e.cls, e.specs, e.plugin, registry, names, by_class):
                _add(target, mapped)
    for own, given in both:
        for mapped in _computed(own, given, registry, names):
            _add(own, mapped)
    for e in added:
        if e.target in INTERFACES:
            share(registry, e)
    return registry


def _add(target: RecordType, mapped: FieldMap) -> None:
    taken = target.fields.get(mapped.name) or target.conditions.get(mapped.name)
    if taken is not None:
        owners = f"{taken.plugin or 'core'} and {mapped.plugin or 'core'}"
        raise TypeError(f"{target.name}.{mapped.name} is declared twice, by {owners}. Rename one.")
    if isinstance(mapped, ConditionField):
        target.conditions[mapped.name] = mapped
    else:
        target.fields[mapped.name] = mapped


def _column(model: type[Model], attribute: str) -> ColumnType:
    found: object = model._meta.fields_map.get(attribute)
    if not isinstance(found, ColumnType):
        raise TypeError(f"{model.__name__} has no column {attribute!r} of a type in platform/fields.py.")
    return found


def _common(own: RecordType, registry: Registry) -> Iterable[FieldMap]:
    """The fields that every record has; a log has an id only."""
    model = own.model

    def column(attribute: str, description: str, *, nullable: bool = False) -> ColumnField:
        return ColumnField(
            name=camel(attribute),
            description=description,
            nullable=nullable,
            column=attribute,
            type=_column(model, attribute),
        )

    yield column("id", f"Global id, like {own.table}_0198f3a2-7c1e-7000-8000-000000000000.")
    if own.is_log:
        return
    yield column("version", "Steps by one with every change; send it back as expectedVersion to avoid lost updates.")
    for verb in ("created", "updated"):
        yield column(f"{verb}_at", f"When the record was {verb}.")
        yield StampField(
            name=f"{verb}By",
            description=f"Who {verb} the record.",
            nullable=False,
            kind_column=f"{verb}_by_kind",
            id_column=f"{verb}_by_id",
        )
    yield column("deleted_at", "When the record was deleted; null while it lives.", nullable=True)
    yield ExternalRefsField(
        name="externalRefs", description="The record's ids in other systems.", nullable=False, writable="always"
    )
    yield CustomFields(
        name="customFields", description="The fields that you defined for this type of record, in their order.",
        nullable=False, writable="always",
    )  # fmt: skip
    yield from _about(own, registry)
    if issubclass(model, OwnedRecord):
        for name, target, text in (("owner", "User", "Who is responsible."), ("team", "Team", "The owner's team.")):
            if target in registry.records:
                yield OneField(name=name, description=text, column=f"{name}_id", target=target, writable="always")


def _about(own: RecordType, registry: Registry) -> Iterable[FieldMap]:
    """The lists of what was written about the record, in logs about records of any kind."""
    told: dict[str, Any] = {"column": "record_id", "kind_column": "record_type", "nullable": False}
    if "AuditEntry" in registry.records:
        said = "Everything that happened to the record: who changed what, when and why."
        yield ManyField(name="history", description=said, target="AuditEntry", **told)
    if "Transition" in registry.records and own.rules.machine is not None:
        said = f"Every move of its {camel(own.rules.machine.column)}, with the time in the state that it left."
        yield ManyField(name="transitions", description=said, target="Transition", **told)


def _fields(
    own: RecordType,
    cls: type,
    specs: Mapping[str, FieldSpec],
    plugin: str,
    registry: Registry,
    names: Mapping[str, type],
    by_class: Mapping[type, str],
) -> Iterable[FieldMap]:
    hints = get_type_hints(cls, localns=dict(names))
    for attribute, spec in specs.items():
        inner, nullable = _strip_none(hints[attribute])
        where = f"{cls.__qualname__}.{attribute}"
        shared = _shared(attribute, spec, plugin)
        if spec.computed is not None:
            continue
        if spec.batch is not None:
            if not nullable:
                raise TypeError(f"{where}: a batch field may fail, so annotate it `| None`.")
            yield BatchField(**shared, function=spec.batch, needs=spec.needs, annotation=inner)
        elif inner is Timeline:
            yield TimelineField(**shared, nullable=False, members=members_of(own, registry, where))
        elif get_origin(inner) is Many:
            yield _many(own, by_class[get_args(inner)[0]], spec, shared, registry, where)
        elif inner is Actor:
            yield _actor(own, spec.column or attribute, shared)
        elif inner is AnyRecord:
            yield from _any(own, spec.column or attribute, shared, nullable, where)
        elif inner in by_class:
            yield _one(own, by_class[inner], attribute, spec, shared, nullable, where)
        else:
            yield _value(own, attribute, spec, shared, inner, nullable, where)


def _computed(
    own: RecordType, given: Declaration | Extension, registry: Registry, names: Mapping[str, type]
) -> Iterable[FieldMap]:
    """Computed fields: they come last, because they are made of the other ones."""
    hints = get_type_hints(given.cls, localns=dict(names))
    by_class = {cls: name for name, cls in names.items()}
    for attribute, spec in given.specs.items():
        if spec.computed is not None:
            inner, nullable = _strip_none(hints[attribute])
            shared = _shared(attribute, spec, given.plugin)
            where = f"{given.cls.__qualname__}.{attribute}"
            if isinstance(spec.computed, Condition):
                yield condition(own, spec.computed, shared, inner, by_class.get(inner, ""), where)
                continue
            yield computed(own, registry, spec, shared, inner, nullable, where)


def _shared(attribute: str, spec: FieldSpec, plugin: str) -> dict[str, Any]:
    """What fields of all kinds have."""
    return {
        "name": camel(attribute), "description": spec.description, "plugin": plugin, "deprecated": spec.deprecated,
    }  # fmt: skip


def _strip_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) in (Union, types.UnionType):
        rest = [a for a in get_args(hint) if a is not type(None)]
        if len(rest) == 1:
            return rest[0], True
    return hint, False


def _actor(own: RecordType, name: str, shared: dict[str, Any]) -> StampField:
    kind, key = f"{name}_kind", f"{name}_id"
    _column(own.model, kind)
    _column(own.model, key)
    return StampField(**shared, nullable=False, kind_column=kind, id_column=key)


def _any(own: RecordType, name: str, shared: dict[str, Any], nullable: bool, where: str) -> Iterable[FieldMap]:
    if not nullable:
        raise TypeError(f"{where}: the record may be deleted or not visible, so annotate it `AnyRecord | None`.")
    kind, key = f"{name}_type", f"{name}_id"
    _column(own.model, kind)
    _column(own.model, key)
    yield AnyField(**shared, kind_column=kind, id_column=key)
    told = {**shared, "name": f"{shared['name']}Id", "description": f"The global id of: {shared['description']}"}
    yield AnyIdField(**told, nullable=False, kind_column=kind, id_column=key)


def _one(
    own: RecordType, target: str, attribute: str, spec: FieldSpec, shared: dict[str, Any], nullable: bool, where: str
) -> OneField:
    if not nullable:
        raise TypeError(f"{where}: a to-one may be deleted or not visible, so annotate it `{target} | None`.")
    name = spec.column or attribute
    if not _is_key(own.model, name):
        raise TypeError(f"{where}: {own.model.__name__} has no foreign key {name!r}.")
    known: Mapping[str, Any] = own.model._meta.fields_map
    key = known[name] if name in known else known[f"{name}_id"]
    required = not (key.null or spec.derived)
    return OneField(**shared, column=f"{name}_id", target=target, writable=spec.write, required=required)


def _many(
    own: RecordType, target: str, spec: FieldSpec, shared: dict[str, Any], registry: Registry, where: str
) -> ManyField:
    other = registry.records[target].model
    holder = spec.through or other
    return ManyField(
        **shared,
        nullable=False,
        target=target,
        column=_key_to(holder, own.model, spec.via, where),
        link=spec.through,
        link_column=_key_to(spec.through, other, "", where) if spec.through else "",
    )


def _key_to(holder: type[Model], target: type[Model], via: str, where: str) -> str:
    keys: Mapping[str, Any] = holder._meta.fields_map
    found = [via] if via else [k for k in sorted(holder._meta.fk_fields) if keys[k].related_model is target]
    if len(found) != 1 or not _is_key(holder, found[0]):
        raise TypeError(f"{where}: {holder.__name__} has {len(found)} foreign keys to {target.__name__}; say via=...")
    return f"{found[0]}_id"


def _is_key(model: type[Model], name: str) -> bool:
    """Whether `name` is a foreign key, or a plain column `<name>_id` that holds ids."""
    return name in model._meta.fk_fields or isinstance(model._meta.fields_map.get(f"{name}_id"), Uuid)


def _value(
    own: RecordType, attribute: str, spec: FieldSpec, shared: dict[str, Any], inner: Any, nullable: bool, where: str
) -> FieldMap:
    name = spec.column or attribute
    column = _column(own.model, name)
    stored: Any = column  # a field of Tortoise, too
    if bool(stored.null) != nullable:
        raise TypeError(f"{where}: the annotation and the model disagree about null.")
    machine = own.rules.machine
    fixed = name in SYSTEM_COLUMNS or (machine is not None and machine.column == name and spec.write != "create")
    shared["writable"] = "never" if fixed else spec.write
    shared["required"] = not (nullable or spec.derived or stored.default is not None)
    if inner is Money:
        return _money(own, name, spec.currency, shared, nullable)
    if column.kind == "json" and inner is not FreeData and get_origin(inner) is not list:
        raise TypeError(f"{where}: a Json column is a list or free data; annotate it `list[str]` or `FreeData`.")
    folded = [k for k, f in own.model._meta.fields_map.items() if getattr(f, "of", None) == name]
    return ColumnField(
        **shared,
        nullable=nullable,
        column=name,
        type=column,
        enum=getattr(column, "enum", None),
        annotation=inner if column.kind == "json" else None,
        folded=folded[0] if folded else None,
    )


def _money(own: RecordType, name: str, currency: str, shared: dict[str, Any], nullable: bool) -> MoneyField:
    held: Any = _column(own.model, currency)
    amount = ColumnField(**shared, nullable=nullable, column=name, type=_column(own.model, name))
    code = ColumnField(
        name=camel(currency),
        description=f"ISO 4217 code of {amount.name}.",
        nullable=bool(held.null),
        plugin=amount.plugin,
        column=currency,
        type=held,
    )
    return MoneyField(**shared, nullable=nullable, amount=amount, currency=code)
