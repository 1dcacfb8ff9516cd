"""Service cases."""

from crmcore.domain.cases.models import Case, CasePriority, CaseSeverity, CaseType
from crmcore.domain.cases.rules import CaseStatus

__all__ = ["Case", "CasePriority", "CaseSeverity", "CaseStatus", "CaseType"]
