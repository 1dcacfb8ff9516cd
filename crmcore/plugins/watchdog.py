"""Finds who holds up the event loop. A time budget cannot stop code that never lets go; this names it.

A thread asks the loop for a sign of life again and again. When none comes in time it looks at what the loop's thread is
doing, and whose code stands there.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Final

from crmcore.plugins.calls import Call, call_of

log = logging.getLogger("crmcore.plugins")

BEAT: Final = 0.1
"""How often the loop is asked (seconds)."""
LAG: Final = 0.2
"""So long it may take to answer."""
_REMIND: Final = 5.0


class Watchdog:
    """Watches the loop that runs in the thread which starts it, while a plugin is loaded.

    `folders` are the plugins' packages, by which a frame is known as theirs. `found(plugin, call, ms, where)` is called
    in the loop for each time that one of them held it up.
    """

    def __init__(self, folders: Mapping[str, Path], found: Callable[[str, Call | None, float, str], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._folders = {plugin: str(folder) if folder.suffix else f"{folder}/" for plugin, folder in folders.items()}
        self._found = found
        self._stopped = threading.Event()
        self._watching = threading.Thread(target=self._watch, name="crmcore watchdog", daemon=True)

    def start(self) -> None:
        self._watching.start()

    def stop(self) -> None:
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(BEAT):
            answered = threading.Event()
            if not self._ask(answered.set):
                return
            if not answered.wait(LAG):
                self._blocked(answered)

    def _ask(self, function: Callable[..., object], *args: object) -> bool:
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:  # the loop is closed
            return False
        return True

    def _blocked(self, answered: threading.Event) -> None:
        """The loop stands still: look who it is until it goes on."""
        began = monotonic() - LAG
        culprit: tuple[str, Call | None, str] | None = None
        said = 0.0
        while True:
            if culprit is None:
                culprit = self._culprit()
            lasted = monotonic() - began
            if culprit is not None:
                plugin, call, where = culprit
                if call is not None:
                    call.blocked = lasted * 1000
                if lasted - said >= _REMIND:
                    said = lasted
                    log.error("Plugin %s holds up everything for %.0f s now, in %s.", plugin, lasted, where)
            if answered.wait(BEAT) or self._stopped.is_set():
                break
        if culprit is not None:
            plugin, call, where = culprit
            self._ask(self._found, plugin, call, (monotonic() - began) * 1000, where)

    def _culprit(self) -> tuple[str, Call | None, str] | None:
        """The plugin whose code the loop's thread is in, its call, and the place."""
        call = call_of(asyncio.current_task(self._loop))
        found: dict[str, str] = {}
        frame: FrameType | None = sys._current_frames().get(self._thread)
        while frame is not None:
            file = frame.f_code.co_filename
            for plugin, folder in self._folders.items():
                if file.startswith(folder):
                    found.setdefault(plugin, f"{frame.f_code.co_qualname} ({file}:{frame.f_lineno})")
            frame = frame.f_back
        if call is not None:
            return call.plugin, call, found.get(call.plugin, call.hook)
        return next(((plugin, None, where) for plugin, where in found.items()), None)


__all__ = ["BEAT", "LAG", "Watchdog"]
