"""Where the values of a plugin's settings come from, which of them wins, and what is wrong with them.

Later wins: default, file (`[plugins.<id>]` of crmcore.toml), environment (`CRMCORE_PLUGIN_<ID>__<FIELD>`), tenant.
The operator's values, those of file and environment, may be references, `{"$env": "NAME"}` or `{"$file": "/path"}`,
which are followed when the process starts. A tenant's may not: whoever administers a tenant must not read the server.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, SecretBytes, SecretStr, TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from crmcore.platform.plugin_settings import Kept
from crmcore.plugins.settings import MASK, NeedsSettings, PluginSettings, is_secret, needed

_REFERENCES: Final = ("$env", "$file")


class Source(StrEnum):
    """Where the value of a setting comes from."""

    DEFAULT = "DEFAULT"
    FILE = "FILE"
    ENVIRONMENT = "ENVIRONMENT"
    TENANT = "TENANT"


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a value: the path to it within the settings, and a sentence without the value."""

    path: tuple[str, ...]
    message: str

    def __str__(self) -> str:
        return f"{'.'.join(self.path)}: {self.message}" if self.path else self.message


@dataclass(frozen=True, slots=True)
class Operator:
    """What the operator has set for all tenants: by name, from where, and what is wrong with it."""

    values: Mapping[str, tuple[Source, Any]] = field(default_factory=dict, repr=False)
    wrong: Sequence[Wrong] = ()


@dataclass(frozen=True, slots=True)
class Value:
    """One setting as the graph shows it: the value of a secret is null."""

    name: str
    value: Any
    source: Source | None
    is_set: bool
    is_secret: bool


@dataclass(frozen=True, slots=True)
class Resolved:
    """A plugin's settings for one tenant. `settings` is None while some are `missing` or `wrong`."""

    plugin: str
    version: int
    values: tuple[Value, ...]
    missing: tuple[str, ...] = ()
    wrong: tuple[Wrong, ...] = ()
    settings: PluginSettings | None = field(default=None, repr=False)

    @property
    def problem(self) -> str:
        """What is to be done before the plugin works for the tenant; empty if nothing is."""
        return "" if self.settings else needed(self.missing, tuple(map(str, self.wrong)))

    def complete(self) -> PluginSettings:
        """The settings. NeedsSettings while they are incomplete."""
        if self.settings is None:
            raise NeedsSettings(self.plugin, self.missing, tuple(map(str, self.wrong)))
        return self.settings


def operators(
    plugin: str, cls: type[PluginSettings], file: Mapping[str, Any], environment: Mapping[str, str]
) -> Operator:
    """What the operator has set of a plugin, references followed."""
    values: dict[str, tuple[Source, Any]] = {}
    wrong: list[Wrong] = []
    prefix = f"CRMCORE_PLUGIN_{plugin.upper()}__"
    said = {name.upper().removeprefix(prefix).lower(): text for name, text in environment.items()
            if name.upper().startswith(prefix)}  # fmt: skip
    given = [(Source.FILE, name, held) for name, held in file.items()]
    given += [(Source.ENVIRONMENT, name, _read(cls, name, text)) for name, text in said.items()]
    for source, name, held in given:
        place = f"[plugins.{plugin}] of the settings file" if source is Source.FILE else f"{prefix}{name.upper()}"
        if name not in cls.model_fields:
            wrong.append(Wrong((name,), f"is no setting of the plugin, but {place} has it."))
            continue
        try:
            values[name] = source, _followed(held, environment)
        except ValueError as error:
            values.pop(name, None)
            wrong.append(Wrong((name,), f"{error} ({place})."))
    return Operator(values, tuple(wrong))


def resolve(plugin: str, cls: type[PluginSettings], operator: Operator, kept: Kept | None) -> Resolved:
    """The settings of one tenant, from all sources."""
    given = dict(operator.values)
    wrong = [each for each in operator.wrong if not (kept and each.path[0] in kept.values)]
    held, bad = migrated(cls, kept)
    given |= {name: (Source.TENANT, value) for name, value in held.items() if name in cls.model_fields}
    wrong += [each for each in bad if each.path not in {(n,) for n in held}]
    raw = {name: value for name, (_, value) in given.items()}
    made, missing, found = check(cls, raw)
    lost = {each.path[0] for each in wrong if each.path}
    missing = tuple(name for name in missing if name not in lost)
    wrong += found
    values = tuple(_shown(cls, name, given, made) for name in cls.model_fields)
    return Resolved(plugin, cls.version, values, missing, tuple(wrong), None if wrong or missing else made)


def migrated(cls: type[PluginSettings], kept: Kept | None) -> tuple[dict[str, Any], list[Wrong]]:
    """What a tenant has set, in the form of the class's version, and what is wrong with it."""
    if kept is None:
        return {}, []
    said = "cannot be read any more, because the installation's secret is another one now: set it anew."
    wrong = [Wrong((name,), said) for name in sorted(kept.lost)]
    values = dict(kept.values)
    if kept.version > cls.version:
        wrong.append(Wrong((), "They were set for a newer version of the plugin: install that one."))
    if kept.version < cls.version:
        try:
            values = dict(cls.migrate(values, kept.version))
        except Exception as error:  # noqa: BLE001  the plugin's code may fail in any way
            wrong.append(Wrong((), f"They could not be brought to version {cls.version}: {type(error).__name__}."))
    return values, wrong


def check(
    cls: type[PluginSettings], raw: Mapping[str, Any]
) -> tuple[PluginSettings | None, tuple[str, ...], list[Wrong]]:
    """The typed settings, or the names that are missing and what is wrong. No text holds a secret's value."""
    secrets = sorted({text for name in raw if is_secret(cls, name) for text in _texts(raw[name])}, key=len)[::-1]
    try:
        return cls.model_validate(dict(raw)), (), []
    except ValidationError as error:
        missing, wrong = [], []
        for each in error.errors(include_url=False, include_input=False, include_context=False):
            path = tuple(str(part) for part in each["loc"])
            if each["type"] == "missing" and len(path) == 1:
                missing.append(path[0])
            else:
                wrong.append(Wrong(path, _without(_sentence(each["msg"]), secrets)))
        return None, tuple(missing), wrong
    except Exception as error:  # noqa: BLE001  a validator of the plugin may fail in any way
        return None, (), [Wrong((), _without(f"Their check failed: {type(error).__name__}: {error}", secrets))]


def references(held: Any) -> Iterator[str]:
    """The references in a value, wherever they stand."""
    if isinstance(held, Mapping):
        yield from (name for name in held if name in _REFERENCES)
        held = list(held.values())
    if isinstance(held, list):
        for each in held:
            yield from references(each)


def _read(cls: type[PluginSettings], name: str, text: str) -> Any:
    """A text of the environment: as it is where that will do, else what it is as JSON; a reference is one always."""
    try:
        held = json.loads(text)
    except ValueError:
        return text
    if name not in cls.model_fields or (isinstance(held, dict) and held.keys() and held.keys() <= set(_REFERENCES)):
        return held
    try:
        kind: Any = cls.model_fields[name].annotation
        TypeAdapter(kind).validate_python(text)
    except Exception:  # noqa: BLE001  a type of the plugin's may fail in any way: then its own check says so
        return held
    return text


def _followed(held: Any, environment: Mapping[str, str]) -> Any:
    """The value with its references followed. ValueError says where one leads nowhere."""
    if isinstance(held, list):
        return [_followed(each, environment) for each in held]
    if not isinstance(held, Mapping):
        return held
    if len(held) != 1 or next(iter(held)) not in _REFERENCES:
        return {name: _followed(each, environment) for name, each in held.items()}
    [(kind, target)] = held.items()
    if not isinstance(target, str) or not target:
        raise ValueError(f"{kind} wants a name")
    if kind == "$env":
        if target not in environment:
            raise ValueError(f"the environment has no {target}")
        return environment[target]
    try:
        return Path(target).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the file {target} cannot be read: {getattr(error, 'strerror', None) or 'no text'}") from None


def _shown(
    cls: type[PluginSettings], name: str, given: Mapping[str, tuple[Source, Any]], made: PluginSettings | None
) -> Value:
    """A setting for the graph: as it was understood, or as it was given where nothing could be."""
    field, secret = cls.model_fields[name], is_secret(cls, name)
    source = given[name][0] if name in given else None if field.is_required() else Source.DEFAULT
    if secret:
        held = given[name][1] if name in given else field.get_default(call_default_factory=True)
        return Value(name, None, source, _filled(held) and source is not None, is_secret=True)
    if made is not None:
        held = made.__dict__[name]  # past the warning of a deprecated field
    elif name in given:
        held = given[name][1]
    else:
        held = None if field.is_required() else field.get_default(call_default_factory=True)
    return Value(name, _plain(held), source, source is not None and held is not None, is_secret=False)


def _filled(held: Any) -> bool:
    plain = held.get_secret_value() if isinstance(held, SecretStr | SecretBytes) else held
    return plain not in (None, "", b"", [], {})


def _plain(held: Any) -> Any:
    """As JSON; what has no such form is its text."""
    return to_jsonable_python(held, fallback=str)


def _texts(held: Any) -> Iterator[str]:
    if isinstance(held, BaseModel):
        held = dict(held)
    if isinstance(held, Mapping):
        held = list(held.values())
    if isinstance(held, list | tuple | set | frozenset):
        for each in held:
            yield from _texts(each)
    elif isinstance(held, SecretStr | SecretBytes):
        yield str(held.get_secret_value())
    elif held is not None and held is not True and held is not False and str(held):
        yield str(held)


def _sentence(said: str) -> str:
    said = said.removeprefix("Value error, ").removeprefix("Assertion failed, ").strip()
    return said if said.endswith((".", "!", "?")) else f"{said}."


def _without(said: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        said = said.replace(secret, MASK)
    return said
