"""Persisted documents: the operations of our own front ends, known before anybody asks, and never pushed out.

A manifest is a JSON file as client tools write it: `{"<id>": "<document>"}` (graphql-codegen, Relay) or Apollo's
`{"format": "apollo-persisted-query-manifest", "operations": [{"id": ..., "body": ...}]}`. A client then sends
`documentId` in the place of `query`, bare or as `sha256:<id>` (GraphQL over HTTP, appendix A).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from crmcore.errors import ConfigError

HASH: Final = "sha256:"


def read_manifest(path: Path | None) -> dict[str, str]:
    """The documents of a manifest by id, without the `sha256:` of an id. ConfigError when it is no manifest."""
    if path is None:
        return {}
    try:
        found = _documents(orjson.loads(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise ConfigError(f"The manifest of persisted documents {path} cannot be read: {error}.") from error
    return {id_.removeprefix(HASH): text for id_, text in found.items()}


def _documents(manifest: Any) -> Mapping[str, str]:
    if isinstance(manifest, dict) and isinstance(operations := manifest.get("operations"), list):
        manifest = {o.get("id"): o.get("body") for o in operations if isinstance(o, dict)}
    if isinstance(manifest, dict) and all(isinstance(k, str) and isinstance(v, str) for k, v in manifest.items()):
        return manifest
    raise ValueError('it must be {"<id>": "<document>"}, or what the Apollo client tools write')
