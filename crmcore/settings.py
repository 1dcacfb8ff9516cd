"""Every knob in one place. Order: command line, then environment (CRMCORE_...), then the file, then the default.

The file is TOML with these names as keys: `crmcore.toml` in the working directory, or the one CRMCORE_CONFIG names.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, get_origin

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, SecretStr, ValidationError, field_validator

from crmcore.errors import ConfigError
from crmcore.kit.periods import zone_of

_PREFIX: Final = "CRMCORE_"


class Settings(BaseModel):
    """The settings of one process; made by `load`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    database_url: str = Field("sqlite:///crmcore.db", description="sqlite:///file.db or postgresql://user@host/name.")
    database_connections: int = Field(10, ge=2, le=500, description="PostgreSQL connections per process.")
    database_readers: int = Field(4, ge=1, le=64, description="SQLite reading threads.")
    secret: SecretStr = Field(
        SecretStr(""), description="Signs cursors and links; empty: one is made and kept in the database."
    )

    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    public_url: str = Field(
        "", pattern="^(https?://[^ ]+)?$", description="Where the world outside finds this server; empty: at host:port."
    )
    max_body_bytes: int = Field(1_048_576, ge=1024, description="The largest request body.")
    max_header_bytes: int = Field(32_768, ge=1024, description="All headers of a request together.")
    read_seconds: float = Field(10.0, gt=0, description="How long a client may take to send headers or body.")
    request_seconds: float = Field(10.0, gt=0, description="How long a request may take before it is cancelled.")
    drain_seconds: float = Field(15.0, ge=0, description="How long requests under way may take at shutdown.")
    cors_origins: list[str] = Field([], description="Origins of browsers' pages that may call the API.")

    socket_operations: int = Field(100, ge=1, description="Operations under way on one WebSocket.")
    socket_init_seconds: float = Field(5.0, gt=0, description="How long a WebSocket may take to say who calls.")
    stall_seconds: float = Field(
        20.0, gt=0, description="How long a stream's client may take nothing before it is dropped."
    )
    stream_check_seconds: float = Field(
        10.0,
        gt=0,
        description="How often a silent stream looks at its token again, and tells its client that it lives.",
    )
    max_file_bytes: int = Field(
        104_857_600, ge=1024, le=2_000_000_000, description="The largest file that may be sent or exported."
    )
    file_days: int = Field(7, ge=1, le=3650, description="How many days files are kept.")

    time_zone: str = Field("UTC", description="Where days begin and end for what the clock moves: Europe/Berlin.")
    worker: bool = Field(True, description="Whether the server runs jobs too; `crmcore worker` runs them apart.")
    worker_jobs: int = Field(10, ge=1, le=1000, description="How many jobs a worker runs at the same time.")
    job_lease_seconds: float = Field(60.0, ge=3, description="How long a dead worker's jobs wait for another worker.")
    job_kept_days: int = Field(7, ge=0, description="How long jobs that are done or cancelled are kept.")
    dead_job_kept_days: int = Field(90, ge=0, description="How long jobs that failed for good are kept.")

    webhook_allow: list[IPvAnyNetwork] = Field(
        [], description="Networks, like 10.1.0.0/16, that webhooks may reach beside the public internet, by http too."
    )
    webhook_kept_days: int = Field(30, ge=0, description="How long deliveries of webhooks that are over are kept.")

    plugin_event_kept_days: int = Field(
        30, ge=0, description="How long events are kept that a plugin took late, or not at all."
    )

    page_default: int = Field(50, ge=1, description="Rows of a page when the client names no number.")
    page_max: int = Field(200, ge=1, description="The largest page.")
    persisted_documents: Path | None = Field(
        None, description="Manifest of documents that clients send by documentId, and that are always kept compiled."
    )
    plan_cache_size: int = Field(1000, ge=1, description="How many compiled documents are kept.")
    max_document_bytes: int = Field(100_000, ge=1000, description="The largest GraphQL document.")
    max_tokens: int = Field(4000, ge=100, description="Tokens of a GraphQL document.")
    max_depth: int = Field(15, ge=3, description="Nesting of a selection.")
    max_aliases: int = Field(30, ge=1, description="Aliases in a document.")
    introspection: bool = Field(True, description="Whether callers with a token may read the schema.")

    plugins_enabled: bool = Field(True, description="False loads no plugin at all.")
    plugins_allow: list[str] = Field([], description="Load only these plugins; empty: all that are installed.")
    plugins_disable: list[str] = Field([], description="Leave these plugins out.")
    plugin_paths: list[Path] = Field([], description="Folders that hold plugins which are not installed.")
    plugins_any_api: list[str] = Field(
        [], description="Load these plugins although they are made for another version of crmcore."
    )
    plugins: dict[str, dict[str, Any]] = Field(
        {}, repr=False, description="Settings of plugins for all tenants, by id; in the file [plugins.<id>]."
    )
    plugins_strict: bool = Field(False, description="Refuse to start when a plugin fails to load.")
    plugins_patience: float = Field(
        1.0, gt=0, le=100, description="Stretches the time that plugins' hooks and fields may take, where all is slow."
    )

    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="What is logged.")

    @field_validator("time_zone")
    @classmethod
    def _is_time_zone(cls, name: str) -> str:
        zone_of(name)
        return name

    @property
    def public_address(self) -> str:
        """`public_url`, or where the server listens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def statement_timeout_ms(self) -> int:
        """Below the request's deadline, so that the database gives up first."""
        return int(self.request_seconds * 900)


def load(**given: Any) -> Settings:
    """The settings, with `given` (the command line's; None: not given) above all. ConfigError names wrong ones."""
    named = os.environ.get("CRMCORE_CONFIG")
    if named and not Path(named).is_file():
        raise ConfigError(f"CRMCORE_CONFIG names {named}, which is not there.")
    try:
        file = Path(named or "crmcore.toml")
        held = tomllib.loads(file.read_text()) if file.is_file() else {}
        return Settings(**{**held, **_environment(), **{name: v for name, v in given.items() if v is not None}})
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"A setting is wrong. {problems}.") from error
    except ValueError as error:  # the file is no TOML
        raise ConfigError(f"The settings cannot be read: {error}.") from error


def environment() -> Mapping[str, str]:
    """All that the environment says: plugins' settings are there too."""
    return dict(os.environ)


def _environment() -> dict[str, Any]:
    """What the environment says: lists and settings of plugins in JSON, everything else as text."""
    found: dict[str, Any] = {}
    texts = {variable.upper(): text for variable, text in os.environ.items()}
    for name, field in Settings.model_fields.items():
        variable = f"{_PREFIX}{name.upper()}"
        text = texts.get(variable)
        if text is not None:
            found[name] = _json(variable, text) if get_origin(field.annotation) in (list, dict) else text
    return found


def _json(variable: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise ConfigError(f'{variable} must be a list in JSON, like ["one", "two"], or an object.') from None
