"""The core's migrations (the Tortoise app `core`), and where its models are.

A new record needs its module here if it is in a new one, and then `crmcore migration make core NAME`.
"""

from typing import Final

from crmcore.platform.metadata import App

CORE: Final = App(
    label="core",
    models=(
        "crmcore.platform.identity",
        "crmcore.platform.blobs",
        "crmcore.platform.custom",
        "crmcore.platform.events",
        "crmcore.platform.idempotency",
        "crmcore.platform.jobs.models",
        "crmcore.platform.listening.models",
        "crmcore.platform.numbering",
        "crmcore.platform.plugin_settings",
        "crmcore.platform.plugin_states",
        "crmcore.platform.plugin_store",
        "crmcore.platform.secrets",
        "crmcore.platform.search",
        "crmcore.platform.webhooks.models",
        "crmcore.records.external",
        "crmcore.records.transitions",
        "crmcore.records.custom.models",
        "crmcore.domain.files.models",
        "crmcore.domain.apps.models",
        "crmcore.records.merging.models",
        "crmcore.records.duplicates.models",
        "crmcore.domain.people.models",
        "crmcore.domain.catalogue.models",
        "crmcore.domain.customers.models",
        "crmcore.domain.contacts.models",
        "crmcore.domain.activities.models",
        "crmcore.domain.cases.models",
        "crmcore.domain.care.models",
        "crmcore.domain.deals.models",
    ),
    migrations="crmcore.migrations",
)
"""The core as a Tortoise app; a plugin's stands beside it."""
