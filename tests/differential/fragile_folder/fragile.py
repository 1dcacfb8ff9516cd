"""A plugin whose batch fields fail for some records: errors and nulls as the GraphQL specification has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from crmcore.plugins import Context, Manifest, Row, hookimpl
from crmcore.schema import batch, extend
from tests.differential import fragile


def each(rule: Callable[[int], Any]) -> Any:
    """A batch function: the rule for each row; a failure is that row's alone."""

    async def answer(rows: Sequence[Row], ctx: Context) -> list[Any]:
        return [_tried(rule, row["version"]) for row in rows]

    return answer


def _tried(rule: Callable[[int], Any], version: int) -> Any:
    try:
        return rule(version)
    except ValueError as error:
        return error


@extend("Customer")
class CustomerFragile:
    """On every customer."""

    fragile_code: str | None = batch(each(fragile.code), "A code, or a failure.", needs=("version",))
    fragile_parts: list[str] | None = batch(each(fragile.parts), "Parts, or a hole among them.", needs=("version",))


@extend("Deal")
class DealFragile:
    """On every deal."""

    fragile_code: str | None = batch(each(fragile.code), "A code, or a failure.", needs=("version",))


class Plugin:
    """What crmcore looks for."""

    meta = Manifest(id="fragile", title="Fragile", description="Breaks.", version="1.0.0", api=">=0.1,<1")

    @hookimpl
    def crm_graph(self) -> Sequence[type]:
        return [CustomerFragile, DealFragile]
