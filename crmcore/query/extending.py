"""What extensions mean: one record, or all records that implement an interface."""

from __future__ import annotations

from dataclasses import replace

from crmcore.kit.text import camel
from crmcore.query.declare import Extension
from crmcore.query.mapping import INTERFACES, BatchField, RecordType, Registry


def targets(registry: Registry, extension: Extension) -> list[RecordType]:
    """The records that an extension means: the one it names, or all that are of an interface."""
    if extension.target in INTERFACES:
        return [record for record in registry.records.values() if extension.target in record.interfaces]
    found = registry.records.get(extension.target)
    if found is None:
        owner = extension.plugin or "core"
        raise TypeError(f"{extension.cls.__qualname__} of {owner} extends {extension.target}, which nobody declares.")
    return [found]


def share(registry: Registry, extension: Extension) -> None:
    """Note the fields that an interface has because all its records have them."""
    for record in targets(registry, extension):
        for attribute in extension.specs:
            name = camel(attribute)
            mapped = record.fields.get(name)
            if isinstance(mapped, BatchField):
                mapped = record.fields[name] = replace(mapped, typed=True)
            if mapped is not None:
                registry.shared[extension.target].setdefault(name, mapped)


__all__ = ["share", "targets"]
