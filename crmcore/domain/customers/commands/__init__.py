"""What holds among customers and how they are reached: who stands below whom, and which values are unique."""

import crmcore.domain.customers.commands.standing  # noqa: F401  registers its check
from crmcore.domain.customers.commands.uniqueness import update_uniqueness

__all__ = ["update_uniqueness"]
