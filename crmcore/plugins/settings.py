"""A plugin's settings: a declared class, from which the forms of a console, the checks and the typed values follow.

    class EmailSettings(PluginSettings):
        smtp_host: str = Setting(title="SMTP server", description="Where mail is handed over.")
        smtp_port: int = Setting(587, ge=1, le=65535)
        smtp_password: SecretStr | None = None
        hook_url: OutboundUrl | None = None

A field without a default must be set before the plugin works for a tenant. Where values come from, a later place
winning: the default, `[plugins.email]` in crmcore.toml, the environment (`CRMCORE_PLUGIN_EMAIL__SMTP_HOST`), and what
the tenant has set by `pluginSettingsUpdate`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, SecretBytes, SecretStr
from pydantic import Field as Setting
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from crmcore.errors import PluginRefusal

__all__ = [
    "NeedsSettings",
    "OutboundUrl",
    "PluginSettings",
    "SecretStr",
    "Setting",
    "is_secret",
    "json_schema",
    "outbound_hosts",
]

MASK: Final = "**********"


class NeedsSettings(PluginRefusal):
    """Settings of a plugin are missing or wrong for a tenant: `missing` are the fields' names, `problems` one sentence
    each, without the values."""

    def __init__(self, plugin: str, missing: tuple[str, ...] = (), problems: tuple[str, ...] = ()) -> None:
        super().__init__(f"The plugin {plugin} {needed(missing, problems)}")
        self.missing = missing
        self.problems = problems


def needed(missing: tuple[str, ...], problems: tuple[str, ...] = ()) -> str:
    """What is to be set, in a sentence without a subject."""
    lacks = f"needs settings: {', '.join(missing)}." if missing else ""
    wrong = f"has wrong settings: {' '.join(problems)}" if problems else ""
    return " It ".join(part for part in (lacks, wrong) if part)


class PluginSettings(BaseModel):
    """The base of a plugin's settings. Values are checked, cannot be changed in place, and unknown names are refused.

    Raise `version` when stored values have to change their form, and say in `migrate` how: it is given what a tenant
    has set (a mapping of names to values as JSON has them, secrets included) under the older version, and answers with
    what this version reads. A field that is only no longer used had better stay, declared with `deprecated="why"`.
    A field may not be called `version` or `migrate`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)

    version: ClassVar[int] = 1

    @classmethod
    def migrate(cls, held: dict[str, Any], version: int) -> dict[str, Any]:  # noqa: ARG003  for those who override it
        """What was set under `version` (lower than the class's), as this version has it."""
        return held


class OutboundUrl(str):
    """The type of a setting that is an http or https URL whose host the plugin's `crm.http` may then reach."""

    __slots__ = ()

    @property
    def host(self) -> str:
        """The host's name in lower case."""
        return urlsplit(self).hostname or ""

    @classmethod
    def checked(cls, text: str) -> OutboundUrl:
        """ValueError for what is no such URL, or has a password in it."""
        try:
            parts = urlsplit(text)
            wrong = parts.scheme not in ("http", "https") or not parts.hostname or (parts.port or 0) < 0
        except ValueError:
            wrong = True
        if wrong:
            raise ValueError("give a URL that begins with https:// (or http://) and has a host")
        if parts.username or parts.password:
            raise ValueError("give the password as a setting of its own, not in the URL")
        return cls(text)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls.checked, core_schema.str_schema(strip_whitespace=True, max_length=2000)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "format": "uri"}


def outbound_hosts(settings: PluginSettings) -> frozenset[str]:
    """The hosts of all `OutboundUrl`s among the values, wherever they stand."""
    return frozenset(value.host for value in _values(dict(settings)) if isinstance(value, OutboundUrl))


def _values(held: Any) -> Iterator[Any]:
    if isinstance(held, BaseModel):
        held = dict(held)
    if isinstance(held, Mapping):
        held = [*held.keys(), *held.values()]
    if isinstance(held, list | tuple | set | frozenset):
        for each in held:
            yield from _values(each)
    else:
        yield held


def is_secret(cls: type[PluginSettings], name: str) -> bool:
    """Whether a field holds a secret, be it deep within: then nothing of its value is ever shown."""
    return _holds_secret(cls.model_fields[name].annotation, set())


def _holds_secret(kind: Any, seen: set[Any]) -> bool:
    if isinstance(kind, type) and issubclass(kind, SecretStr | SecretBytes):
        return True
    if any(_holds_secret(part, seen) for part in get_args(kind)):
        return True
    if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in seen:
        seen.add(kind)
        return any(_holds_secret(field.annotation, seen) for field in kind.model_fields.values())
    return False


def json_schema(cls: type[PluginSettings]) -> dict[str, Any]:
    """The JSON Schema of a form for the settings: labels, defaults, limits; a secret is `writeOnly`."""
    schema = cls.model_json_schema()
    for name, shown in schema.get("properties", {}).items():
        if is_secret(cls, name):
            shown["writeOnly"] = True
            shown.pop("default", None)
    return schema


def faults(cls: Any) -> Iterator[str]:
    """What is wrong with a class that a manifest names as `settings`."""
    if not isinstance(cls, type) or not issubclass(cls, PluginSettings):
        yield f"settings: {cls!r} is no class of PluginSettings."
        return
    if cls.version < 1:
        yield f"settings: {cls.__name__}.version is a whole number from 1."
    if cls.model_config.get("extra") != "forbid":
        yield f"settings: {cls.__name__} must refuse unknown names (leave model_config's extra as it is)."
    for name in cls.model_fields:
        if name.startswith("_") or "__" in name or name != name.lower():
            yield f"settings: {cls.__name__}.{name}: write names in lower case, without double underscores."
    try:
        json_schema(cls)
    except Exception as error:  # noqa: BLE001  whatever pydantic cannot describe; the text says which field
        yield f"settings: {cls.__name__} has no JSON Schema: {' '.join(str(error).split())}"
