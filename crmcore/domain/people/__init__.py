"""Users and teams."""

import crmcore.domain.people.commands  # noqa: F401  registers the area's checks and effects
from crmcore.domain.people.models import Team, User

__all__ = ["Team", "User"]
