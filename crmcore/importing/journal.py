"""What an import remembers of the lines that are not saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crmcore.importing.report import Settled
from crmcore.importing.source import Line
from crmcore.platform.database import Transaction


@dataclass(frozen=True, slots=True)
class Kept:
    """How far an import came before it was broken off: lines up to `position` are settled, but for those that wait."""

    position: int = 0
    refused: frozenset[int] = frozenset()
    waiting: Mapping[int, str] = field(default_factory=dict)


class Journal:
    """In memory: for imports that are over when their process is."""

    def __init__(self) -> None:
        self.refused: list[tuple[Line, str]] = []

    async def kept(self) -> Kept:
        """What an earlier run has left."""
        return Kept()

    async def settle(self, tx: Transaction, settled: Settled) -> None:
        """Called in the transaction that writes a chunk, which is tried again if the database asks for it."""

    async def committed(self, settled: Settled) -> None:
        """Called when that transaction is over."""
        self.refused += settled.refused
