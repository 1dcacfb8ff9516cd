"""Python's collector of reference cycles, for work that makes very many objects and keeps none for long."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_SELDOM: Final = (100_000, 50, 100)
_under_way = 0
_before = gc.get_threshold()


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Let the collector look after 100,000 new objects instead of a few hundred: it would look through the same living
    rows again and again, for two fifths of an import's time. What is in no cycle is freed at once, as ever."""
    global _under_way, _before
    if _under_way == 0:
        _before = gc.get_threshold()
        gc.set_threshold(*_SELDOM)
    _under_way += 1
    try:
        yield
    finally:
        _under_way -= 1
        if _under_way == 0:
            gc.set_threshold(*_before)
