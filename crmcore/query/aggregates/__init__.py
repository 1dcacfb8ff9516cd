"""Figures over lists of records: grouped, filtered, ordered and paged, in the list's own statement."""

from crmcore.query.aggregates.compile import Aggregates
from crmcore.query.aggregates.figures import Rows

__all__ = ["Aggregates", "Rows"]
