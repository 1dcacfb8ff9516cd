"""What is compared: the business's records. What the product keeps about itself (jobs, files, merges, the history) has no
rows in the made-up company, and tests of its own."""

from __future__ import annotations

from dataclasses import replace

from crmcore.query import ManyField, OneField, Registry

OWN = {"DuplicatePair", "Export", "File", "Import", "MergeRecord", "Uniqueness", "WebhookEndpoint"}


def compared(registry: Registry) -> Registry:
    """The registry without those records, and without the fields that lead to them."""
    kept = {r.name: r for r in registry.records.values() if not r.is_log and r.name not in OWN}
    return Registry(
        replace(
            record,
            fields={
                name: one
                for name, one in record.fields.items()
                if not isinstance(one, OneField | ManyField) or one.target in kept
            },
        )
        for record in kept.values()
    )
