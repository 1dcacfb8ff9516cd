"""Users and teams."""

from __future__ import annotations

from typing import Any, ClassVar

from crmcore.domain.people import rules
from crmcore.platform.fields import Flag, Folded, Text
from crmcore.platform.record import Record, Rules, Unique, reference


class Team(Record):
    name = Text(200)
    name_folded = Folded(of="name")
    parent: Any = reference("core.Team", null=True)
    manager: Any = reference("core.User", "SET NULL", null=True)

    special: ClassVar[Rules] = Rules(
        unique=(Unique(("name_folded",)),),
        search=("name",),
    )

    class Meta(Record.Meta):
        table = "team"


class User(Record):
    name = Text(200)
    name_folded = Folded(of="name")
    email = Text(320)
    email_folded = Folded(of="email")
    team: Any = reference("core.Team", "SET NULL", null=True)
    is_active = Flag(default=True)

    special: ClassVar[Rules] = Rules(
        unique=(Unique(("email_folded",)),), rules=(rules.valid_email,), search=("name", "email")
    )

    class Meta(Record.Meta):
        table = "user"
