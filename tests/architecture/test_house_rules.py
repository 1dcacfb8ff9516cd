"""The house rules hold in every file that we ship. `house.py` says what they are and how a line is waived."""

from tests.architecture.house import violations
from tests.architecture.tree import CODE, report, sources


def test_the_house_rules_hold():
    report([problem for source in sources(*CODE) for problem in violations(source)])
