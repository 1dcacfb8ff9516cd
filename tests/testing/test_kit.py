"""The test kit does what docs/plugins.md says of it, for a plugin that uses the doors alone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from crmcore.errors import ConfigError
from crmcore.testing import Factory, key_of

HERE = Path(__file__).parent
SECRET = "whsec_dGhlIHNlY3JldCBvZiB0aGUgYmFkZ2Vz"


async def test_a_test_has_other_callers_and_knows_what_was_added(crm_factory: Factory):
    crm = await crm_factory("badges", paths=[HERE])
    assert crm.contributed("badges").fields == {"Customer.badgesColour"}
    assert not crm.contributed("badges").roots
    assert crm.sdl_diff().splitlines()[0] == "extend type Customer {"

    user = await crm.create("user", name="Ann", email="ann@example.com")
    mine = await crm.create("customer", name="Mine", owner_id=user)
    await crm.create("customer", name="Theirs")
    ann = await crm.caller(user=user, sees="OWN")
    stranger = await crm.caller(tenant="stranger")
    assert (await ann.gql("{ customers { nodes { id } } }"))["customers"]["nodes"] == [{"id": mine}]
    assert (await stranger.gql("{ customers { totalCount } }"))["customers"]["totalCount"] == 0
    assert str(key_of(mine)) in mine
    with pytest.raises(AssertionError, match="Cannot query field"):
        await crm.gql("{ nothing }")

    unanswered = crm.mock_outbound("printer.example")
    with pytest.raises(AssertionError, match="has no answer yet"):
        await crm.plugin("badges").http.get("https://printer.example/")
    unanswered.respond(error=httpx.ConnectError("gone"))
    with pytest.raises(httpx.ConnectError):
        await crm.plugin("badges").http.get("https://printer.example/")
    crm.mock_outbound("elsewhere.example").respond()
    with pytest.raises(httpx.RequestError, match="may not reach elsewhere"):
        await crm.plugin("badges").http.get("https://elsewhere.example/")


async def test_apps_of_one_test_are_apart(crm_factory: Factory):
    """Each has its database, its clock and its instances of the plugins."""
    first, second = await crm_factory("badges", paths=[HERE]), await crm_factory("badges", paths=[HERE])
    await first.create("customer", name="Anna")
    first.advance(days=1)
    assert (await second.gql("{ customers { totalCount } }"))["customers"]["totalCount"] == 0
    assert first.plugin("badges").now() - second.plugin("badges").now() > timedelta(hours=23)


async def test_a_plugin_that_is_nowhere_is_named(crm_factory: Factory):
    with pytest.raises(ConfigError, match="There is no plugin nowhere"):
        await crm_factory("nowhere")
