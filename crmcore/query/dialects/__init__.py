"""What differs between PostgreSQL and SQLite, concept by concept."""

from crmcore.kit.sql import Expression
from crmcore.query.dialects.dialect import DIALECTS, Dialect
from crmcore.query.dialects.making import Pair

__all__ = ["DIALECTS", "Dialect", "Expression", "Pair"]
