"""Listeners: programs inside of the app (plugins) that are told what happened, after it is committed.

Each listener has a place in the log for every tenant (cursors.py). A process that tells (running.py) holds places by
leases, reads on from there, and tells what is wanted: at least once, of each record in the order of its events, of
different records at the same time (telling.py). What a listener fails at is put aside with what follows it of that
record, and told again after growing pauses; in the end it is dead, until somebody has it told again (waiting.py).
"""

from crmcore.platform.listening.cursors import begin
from crmcore.platform.listening.listeners import Listener, Resting, Unheard
from crmcore.platform.listening.models import PluginCursor, PluginEvent, PluginEventStatus
from crmcore.platform.listening.running import Listening
from crmcore.platform.listening.upkeep import forget, prune_plugin_events
from crmcore.platform.listening.waiting import replay

__all__ = [
    "Listener",
    "Listening",
    "PluginCursor",
    "PluginEvent",
    "PluginEventStatus",
    "Resting",
    "Unheard",
    "begin",
    "forget",
    "prune_plugin_events",
    "replay",
]
