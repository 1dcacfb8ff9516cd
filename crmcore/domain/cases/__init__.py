"""Service cases."""

from crmcore.domain.cases.commands import (
    close_case,
    hold_case,
    mark_case_duplicate,
    merge_case,
    open_case,
    reject_case,
    reopen_case,
    resolve_case,
    wait_case,
)
from crmcore.domain.cases.events import CASE_ASSIGNED, CASE_REOPENED, CASE_RESOLVED, CASE_RESPONDED
from crmcore.domain.cases.models import Case, CaseEvent, CaseEventKind, CasePriority, CaseSeverity, CaseType
from crmcore.domain.cases.rules import REOPEN_WITHIN, CaseStatus

__all__ = [
    "CASE_ASSIGNED",
    "CASE_REOPENED",
    "CASE_RESOLVED",
    "CASE_RESPONDED",
    "REOPEN_WITHIN",
    "Case",
    "CaseEvent",
    "CaseEventKind",
    "CasePriority",
    "CaseSeverity",
    "CaseStatus",
    "CaseType",
    "close_case",
    "hold_case",
    "mark_case_duplicate",
    "merge_case",
    "open_case",
    "reject_case",
    "reopen_case",
    "resolve_case",
    "wait_case",
]
