"""The test kit for plugins: what a plugin's own tests import, beside the doors that every plugin has.

It is a pytest plugin of its own: where crmcore is installed its fixtures are there (`crm`, `crm_factory`, `dialect`),
and nothing is loaded before a test asks for one. `pip install "crmcore[testing]"` brings what they need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crmcore.testing.calling import Answer, Caller, key_of
    from crmcore.testing.contract import assert_plugin_contract
    from crmcore.testing.crm import Factory, TestCrm
    from crmcore.testing.databases import Databases

_PLACES = {
    "Answer": "calling",
    "Caller": "calling",
    "Databases": "databases",
    "Factory": "crm",
    "TestCrm": "crm",
    "assert_plugin_contract": "contract",
    "key_of": "calling",
}
__all__ = ["Answer", "Caller", "Databases", "Factory", "TestCrm", "assert_plugin_contract", "key_of"]


def __getattr__(name: str) -> Any:
    """Every run of pytest imports this package: what it shows is imported when it is used."""
    if name not in _PLACES:
        raise AttributeError(f"crmcore.testing has no {name}.")
    from importlib import import_module

    return getattr(import_module(f"crmcore.testing.{_PLACES[name]}"), name)
