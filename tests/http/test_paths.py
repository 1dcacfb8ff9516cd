"""Health, the console, the schema's text, and everything that is not there."""

from __future__ import annotations

import pytest

from crmcore.app import create_app
from crmcore.errors import ConfigError
from crmcore.kit.sql import Sql
from crmcore.plugins import Plugins
from crmcore.settings import Settings
from tests.fixtures import TestCrm, open_crm, running

NOBODY = {"authorization": ""}


async def test_alive_and_ready(crm: TestCrm):
    for path, status in (("/livez", "alive"), ("/readyz", "ready")):
        response = await crm.client.get(path, headers=NOBODY)
        assert (response.status_code, response.json()) == (200, {"status": status})


async def test_not_ready_while_migrations_wait(crm: TestCrm):
    async with crm.crm.db.transaction() as tx:
        await tx.execute(Sql("DELETE FROM migration"))
    response = await crm.client.get("/readyz", headers=NOBODY)
    assert response.status_code == 503
    assert "crmcore migrate" in response.json()["reason"]
    assert (await crm.client.get("/livez")).status_code == 200


async def test_not_ready_without_a_database(crm: TestCrm):
    await crm.crm.db.close()
    response = await crm.client.get("/readyz", headers=NOBODY)
    assert (response.status_code, response.json()["reason"]) == (503, "The database does not answer.")


async def test_an_app_does_not_start_on_an_old_schema(empty_database_url: str):
    settings = Settings(database_url=empty_database_url, database_connections=2)
    with pytest.raises(ConfigError, match="Run crmcore migrate"):
        async with running(create_app(settings, Plugins())):
            pass


async def test_the_schema_needs_a_token(crm: TestCrm):
    assert (await crm.client.get("/schema.graphql", headers=NOBODY)).status_code == 401
    response = await crm.client.get("/schema.graphql")
    assert response.status_code == 200
    assert "type Customer implements Node" in response.text


@pytest.mark.parametrize("path", ["/", "/console"])
async def test_the_way_to_the_console(crm: TestCrm, path: str):
    response = await crm.client.get(path, headers=NOBODY)
    assert (response.status_code, response.headers["location"]) == (307, "/console/")


async def test_the_console_loads_from_here_alone(crm: TestCrm):
    page = await crm.client.get("/console/", headers=NOBODY)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    script = await crm.client.get("/console/assets/console.js", headers=NOBODY)
    assert script.status_code == 200
    assert "javascript" in script.headers["content-type"]


@pytest.mark.parametrize(
    "path", ["/nothing", "/console/nothing.js", "/console/../app.py", "/console/%2e%2e/app.py", "/graphql/"]
)
async def test_what_is_not_there_is_not_found_in_json(crm: TestCrm, path: str):
    response = await crm.client.get(path)
    assert response.status_code == 404
    assert response.json()["errors"][0]["extensions"] == {
        "code": "NOT_FOUND", "requestId": response.headers["x-request-id"],
    }  # fmt: skip


async def test_a_page_may_only_be_read(crm: TestCrm):
    response = await crm.client.post("/livez")
    assert response.status_code == 405
    assert response.json()["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"


async def test_pages_of_other_sites_may_call_where_the_settings_say_so(database_url: str):
    preflight = {"origin": "https://app.example", "access-control-request-method": "POST",
                 "access-control-request-headers": "authorization,content-type"}  # fmt: skip
    async with open_crm(database_url, cors_origins=["https://app.example"]) as crm:
        response = await crm.client.options("/graphql", headers=preflight)
        assert response.status_code == 200
        assert response.headers["access-control-allow-origin"] == "https://app.example"
        response = await crm.client.options("/graphql", headers={**preflight, "origin": "https://evil.example"})
        assert response.status_code == 400
        assert "access-control-allow-origin" not in response.headers


async def test_by_default_they_may_not(crm: TestCrm):
    response = await crm.post("{ __typename }", headers={"origin": "https://app.example"})
    assert "access-control-allow-origin" not in response.headers
