"""Users and teams in the graph."""

from __future__ import annotations

from crmcore.domain import people as models
from crmcore.query import Many, field, record


@record(models.User)
class User:
    """A colleague who works with customers."""

    name: str = field("Full name.")
    email: str = field("Email address, unique among living users.")
    team: Team | None = field("The team the user works in.")
    is_active: bool = field("Whether the user still works here.")


@record(models.Team)
class Team:
    """A group of users; teams form a hierarchy, such as a sales team inside a region."""

    name: str = field("Name, unique among living teams.")
    parent: Team | None = field("The team this one belongs to.")
    manager: User | None = field("Who leads the team.")
    members: Many[User] = field("The users who work in the team.")
    children: Many[Team] = field("The teams that belong to this one.")
