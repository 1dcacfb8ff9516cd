"""Care plans and their touchpoints."""

from crmcore.domain.care.commands import (
    activate_care_plan,
    cancel_care_plan,
    complete_care_plan,
    complete_touchpoint,
    pause_care_plan,
    reschedule_touchpoint,
    resume_care_plan,
    skip_touchpoint,
)
from crmcore.domain.care.events import TOUCHPOINT_DONE, TOUCHPOINT_SKIPPED
from crmcore.domain.care.jobs import touchpoints_by_clock
from crmcore.domain.care.models import CarePlan, Occasion, Outcome, Touchpoint
from crmcore.domain.care.rules import CarePlanStatus, TouchpointStatus

__all__ = [
    "TOUCHPOINT_DONE",
    "TOUCHPOINT_SKIPPED",
    "CarePlan",
    "CarePlanStatus",
    "Occasion",
    "Outcome",
    "Touchpoint",
    "TouchpointStatus",
    "activate_care_plan",
    "cancel_care_plan",
    "complete_care_plan",
    "complete_touchpoint",
    "pause_care_plan",
    "reschedule_touchpoint",
    "resume_care_plan",
    "skip_touchpoint",
    "touchpoints_by_clock",
]
