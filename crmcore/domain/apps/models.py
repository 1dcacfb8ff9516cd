"""An app as it is stored."""

from __future__ import annotations

from typing import ClassVar

from crmcore.domain.apps import rules
from crmcore.platform.fields import Json, Text, Uuid
from crmcore.platform.record import OwnedRecord, Rules, Unique


class App(OwnedRecord):
    """A program that acts by a token of its own, which may do what `scopes` say (`Policy.scopes`), and whose webhooks
    are the endpoints that this token configured."""

    key = Text(100)
    name = Text(200)
    release = Text(40, null=True)
    homepage = Text(2000, null=True)
    scopes = Json()
    token_id = Uuid()

    special: ClassVar[Rules] = Rules(unique=(Unique(("key",)),), rules=(rules.key_fits, rules.homepage_fits))

    class Meta(OwnedRecord.Meta):
        table = "app"
