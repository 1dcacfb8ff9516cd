"""The distribution is found by its entry point and loads."""

from __future__ import annotations

from crmcore.plugins import Plugins, PluginState
from crmcore.settings import Settings


def test_it_loads_and_says_what_it_is():
    listed = {p.id: p for p in Plugins.discover(Settings()).listing()}["erp"]
    assert (listed.state, listed.problems) == (PluginState.LOADED, ())
    assert (listed.title, listed.version) == ("ERP exchange", "0.1.0")
    assert listed.description


def test_it_adds_nothing_yet():
    [share] = [s for s in Plugins.discover(Settings()).contributions() if s.plugin == "erp"]
    assert (share.app, share.records, share.extensions, share.actions) == (None, (), (), ())
