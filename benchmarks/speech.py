"""How contestants are asked, and how their answers are understood."""

from __future__ import annotations

import json
from typing import Any

from benchmarks import operations


class GraphQL:
    """How crmcore is asked, and whoever offers the same schema."""

    def path(self, operation: str) -> str:
        return "/graphql"

    def document(self, operation: str) -> str:
        return operations.document(operation)

    def variables(self, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
        return variables

    def body(self, operation: str, variables: dict[str, Any]) -> str:
        return json.dumps({"query": self.document(operation), "variables": self.variables(operation, variables)})

    def answer(self, operation: str, said: Any) -> Any:
        """The operation's root in crmcore's form."""
        return said["data"][operations.ROOTS[operation]]


class Routes(GraphQL):
    """How the floor is asked: a route for each operation, the variables as the body."""

    def path(self, operation: str) -> str:
        return f"/{operation}"

    def body(self, operation: str, variables: dict[str, Any]) -> str:
        return json.dumps(variables)

    def answer(self, operation: str, said: Any) -> Any:
        return said
