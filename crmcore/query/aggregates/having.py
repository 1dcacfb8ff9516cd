"""`having`: a condition on the figures of a group, with the operators of filters."""

from __future__ import annotations

from crmcore.kit.sql import EMPTY, Sql, all_of, any_of
from crmcore.query.aggregates.figures import Figures
from crmcore.query.arguments import Argument
from crmcore.query.filters import Filters
from crmcore.query.vocabulary import LOGIC


class Having:
    """Compiles the `having` of one table of groups; the figures that it needs become columns of it."""

    def __init__(self, filters: Filters, figures: Figures) -> None:
        self.filters = filters
        self.figures = figures

    def condition(self, given: Argument | None) -> Sql:
        """The condition of a `having` argument; EMPTY when there is none."""
        return EMPTY if given is None or given.is_null() else self._all(given)

    def _all(self, given: Argument) -> Sql:
        conditions: list[Sql | str] = []
        for name, part in given.fields().items():
            self.filters.count(part)
            if part.is_null():
                raise part.fail("null is no condition. Leave it out, or use isNull.")
            if name in LOGIC:
                conditions.append(self._logic(name, part))
            elif name == "count":
                conditions.append(self.filters.operators(self.figures.count(), part))
            else:
                conditions += self._figures(name, part)
        return all_of(conditions)

    def _logic(self, name: str, part: Argument) -> Sql:
        if name == "not":
            return Sql("(", self._all(part), ") IS NOT TRUE")
        return (all_of if name == "and" else any_of)([self._all(item) for item in part.items()])

    def _figures(self, function: str, part: Argument) -> list[Sql]:
        found = []
        for name, wanted in part.fields().items():
            self.filters.count(wanted)
            if wanted.is_null():
                raise wanted.fail("null is no condition. Leave it out, or use isNull.")
            found.append(self.filters.operators(self.figures.compared(function, name, wanted), wanted))
        return found
