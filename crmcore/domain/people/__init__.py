"""Users and teams."""

from crmcore.domain.people.models import Team, User

__all__ = ["Team", "User"]
