"""What was said and done, and what is to do."""

from crmcore.domain.activities.models import Direction, Interaction, InteractionKind, Sentiment, Task, TaskStatus

__all__ = ["Direction", "Interaction", "InteractionKind", "Sentiment", "Task", "TaskStatus"]
