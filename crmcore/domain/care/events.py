"""Facts about care plans and touchpoints, beside created, updated, deleted and restored."""

from crmcore.records import Event

CARE_PLAN_ACTIVATED = Event("care_plan.activated", "A care plan began, or went on.", on="status", to="ACTIVE")
CARE_PLAN_COMPLETED = Event("care_plan.completed", "A care plan did what it was for.", on="status", to="COMPLETED")
TOUCHPOINT_DUE = Event("touchpoint.due", "A planned contact is due.", on="status", to="DUE")
TOUCHPOINT_DONE = Event("touchpoint.done", "A planned contact took place.", on="status", to="DONE")
TOUCHPOINT_OVERDUE = Event("touchpoint.overdue", "A planned contact is overdue.", on="status", to="OVERDUE")
TOUCHPOINT_SKIPPED = Event(
    "touchpoint.skipped", "A planned contact was left out, with a reason.", on="status", to="SKIPPED"
)
TOUCHPOINT_BLOCKED = Event("touchpoint.blocked", "A planned contact may not take place.", on="status", to="BLOCKED")
TOUCHPOINT_RESCHEDULED = Event(
    "touchpoint.rescheduled", "A planned contact was put off to another day.", on="reschedule_count"
)

CARE_PLAN_EVENTS = (CARE_PLAN_ACTIVATED, CARE_PLAN_COMPLETED)
TOUCHPOINT_EVENTS = (
    TOUCHPOINT_DUE, TOUCHPOINT_DONE, TOUCHPOINT_OVERDUE, TOUCHPOINT_SKIPPED, TOUCHPOINT_BLOCKED, TOUCHPOINT_RESCHEDULED,
)  # fmt: skip
