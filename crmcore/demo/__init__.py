"""The generated company: believable, and the same for the same seed."""

from crmcore.demo.company import a_year
from crmcore.demo.diary import Command, Diary
from crmcore.demo.fill import Filled, Progress, fill

__all__ = ["Command", "Diary", "Filled", "Progress", "a_year", "fill"]
