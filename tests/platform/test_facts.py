"""Events, counters, the signing key, the settings."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest

from crmcore.errors import ConfigError
from crmcore.kit import times
from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql
from crmcore.platform.access import ActorKind
from crmcore.platform.database import Database
from crmcore.platform.events import Fact, record_events
from crmcore.platform.numbering import next_numbers
from crmcore.platform.secrets import signing_key
from crmcore.settings import load


def fact(tenant: UUID, number: int, **more: Any) -> Fact:
    return Fact(
        tenant_id=tenant, type="customer.created", record_type="customer", record_id=new_id(), before=None,
        after={"name": f"Zoë {number} 'quoted'", "parent_id": None}, changed_fields=["name"],
        actor_kind=ActorKind.SYSTEM, actor_id=None, cause=new_id(), at=times.now(), **more,
    )  # fmt: skip


async def test_a_thousand_events_are_one_statement_in_order(db: Database, tenant: UUID):
    facts = [fact(tenant, n) for n in range(1000)]
    with db.counting() as seen:
        async with db.transaction() as tx:
            await record_events(tx, facts)
            await record_events(tx, [])
    assert len(seen) == 1
    rows = await db.fetch(Sql("SELECT * FROM event ORDER BY sequence"))
    assert [UUID(str(row["id"])) for row in rows] == [f.id for f in facts]
    first = rows[0]
    assert first["before"] is None
    assert first["actor_id"] is None
    assert orjson.loads(first["after"]) == {"name": "Zoë 0 'quoted'", "parent_id": None}
    assert orjson.loads(first["changed_fields"]) == ["name"]
    at = first["at"] if db.dialect == "postgres" else times.from_text(first["at"])
    assert at == facts[0].at


async def test_numbers_without_doubles_or_gaps(db: Database, tenant: UUID):
    async def take(count: int) -> range:
        async with db.transaction() as tx:
            return await next_numbers(tx, tenant, "case", count)

    ranges = await asyncio.gather(*(take(n) for n in (1, 5, 2, 10)))
    assert sorted(n for r in ranges for n in r) == list(range(1, 19))
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            await next_numbers(tx, tenant, "case")
            _ = 1 / 0
    assert await take(1) == range(19, 20)
    async with db.transaction() as tx:
        assert await next_numbers(tx, new_id(), "case") == range(1, 2)


async def test_the_signing_key_is_made_once(db: Database):
    keys = await asyncio.gather(*(signing_key(db) for _ in range(5)))
    assert len(set(keys)) == 1
    assert len(keys[0]) == 32
    assert await signing_key(db) == keys[0]
    with db.counting() as seen:
        given = await signing_key(db, "the operator's")
    assert given != keys[0]
    assert given == await signing_key(db, "the operator's")
    assert not seen


def test_settings_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    file = tmp_path / "crm.toml"
    file.write_text('port = 1111\nhost = "0.0.0.0"\npage_max = 300\n')
    monkeypatch.setenv("CRMCORE_CONFIG", str(file))
    monkeypatch.setenv("CRMCORE_PORT", "2222")
    monkeypatch.setenv("CRMCORE_PLUGINS_DISABLE", '["erp"]')
    settings = load(page_max=400, database_url=None)
    assert (settings.port, settings.host, settings.page_max) == (2222, "0.0.0.0", 400)
    assert settings.database_url == "sqlite:///crmcore.db"
    assert settings.plugins_disable == ["erp"]


@pytest.mark.parametrize(
    "text, said",
    [("port = 'x'", "port"), ("prot = 1", "prot"), ("port = ", "cannot be read"), ("page_max = 0", "page_max")],
)
def test_wrong_settings_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, said: str):
    file = tmp_path / "crm.toml"
    file.write_text(text)
    monkeypatch.setenv("CRMCORE_CONFIG", str(file))
    with pytest.raises(ConfigError, match=said):
        load()


def test_a_list_in_the_environment_is_json(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CRMCORE_PLUGINS_ALLOW", "erp")
    with pytest.raises(ConfigError, match="CRMCORE_PLUGINS_ALLOW must be a list"):
        load()


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("CRMCORE_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(ConfigError, match="not there"):
        load()


def test_every_setting_is_described_and_secrets_are_not_shown():
    from crmcore.settings import Settings

    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
    assert "hunter2" not in repr(load(secret="hunter2"))
