"""Facts about cases, beside created, updated, deleted and restored."""

from crmcore.records import Event

CASE_ASSIGNED = Event("case.assigned", "A case got another assignee.")
CASE_RESPONDED = Event("case.responded", "The customer was answered for the first time.")
CASE_RESOLVED = Event("case.resolved", "A case was resolved.", on="status", to="RESOLVED")
CASE_REOPENED = Event("case.reopened", "A resolved case was opened again.")
CASE_CLOSED = Event("case.closed", "A case was closed for good.", on="status", to="CLOSED")

CASE_EVENTS = (CASE_ASSIGNED, CASE_RESPONDED, CASE_RESOLVED, CASE_REOPENED, CASE_CLOSED)
