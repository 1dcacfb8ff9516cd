"""Care plans and their touchpoints."""

from crmcore.domain.care.models import CarePlan, Occasion, Outcome, Touchpoint
from crmcore.domain.care.rules import CarePlanStatus, TouchpointStatus

__all__ = ["CarePlan", "CarePlanStatus", "Occasion", "Outcome", "Touchpoint", "TouchpointStatus"]
