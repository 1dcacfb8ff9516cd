"""Mail is handed to the mail server: connections that are kept, and what it said of each mail."""

from crmcore_email.delivery.pool import Outcome, Pool, Unreachable, Verdict
from crmcore_email.delivery.pools import Pools

__all__ = ["Outcome", "Pool", "Pools", "Unreachable", "Verdict"]
