"""What was said and done, and what is to do."""

import crmcore.domain.activities.commands  # noqa: F401  registers the area's checks and effects
from crmcore.domain.activities.models import Direction, Interaction, InteractionKind, Sentiment, Task, TaskStatus

__all__ = ["Direction", "Interaction", "InteractionKind", "Sentiment", "Task", "TaskStatus"]
