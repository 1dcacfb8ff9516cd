"""Facts about cases, beside created, updated, deleted and restored."""

from crmcore.records import Event

CASE_ASSIGNED = Event("case.assigned", "A case got another assignee.")
CASE_RESPONDED = Event("case.responded", "The customer was answered for the first time.")
CASE_RESOLVED = Event("case.resolved", "A case was resolved.")
CASE_REOPENED = Event("case.reopened", "A resolved case was opened again.")
