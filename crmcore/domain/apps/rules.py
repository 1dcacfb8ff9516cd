"""What an app may call itself, and what it may ask for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from crmcore.errors import Forbidden, Invalid, Refusal
from crmcore.platform.access import RIGHTS, Action, Policy
from crmcore.platform.record import Draft

_ACTIONS: Final[Mapping[str, Action]] = {"read": "read", "write": "update", "purge": "purge"}
_KEY: Final = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*", re.ASCII)


def key_fits(draft: Draft) -> Iterator[Refusal]:
    """It begins nothing and names nothing else, so it is only kept simple."""
    key = draft.after["key"]
    if key is not None and not _KEY.fullmatch(key):
        yield Invalid("key: lower-case letters, digits, points and hyphens, like com.example.stock.", "key")


def homepage_fits(draft: Draft) -> Iterator[Refusal]:
    """It becomes a link in other people's screens."""
    homepage = draft.after["homepage"]
    if homepage is not None and not homepage.startswith(("https://", "http://")):
        yield Invalid("homepage: an address that begins with https://.", "homepage")


def scopes_fit(
    policy: Policy | None, scopes: Iterable[str], tables: Collection[str], permissions: Collection[str]
) -> Iterator[Refusal]:
    """Scopes name kinds of records and rights that there are, and nobody grants what they may not do; None may
    do everything."""
    for place, scope in enumerate(scopes):
        table, colon, right = scope.partition(":")
        known = (table in tables or table == "*") and right in RIGHTS if colon else scope in permissions
        if not known:
            said = 'scopes: customer:read, customer:write, customer:purge, "*:read", or a permission of a plugin; not'
            yield Invalid(f"{said} {scope[:80]!r}.", "scopes", str(place))
        elif policy is not None and not _held(policy, scope):
            yield Forbidden(f"You may not grant {scope}, which you may not do yourself.", "scopes", str(place))


def _held(policy: Policy, scope: str) -> bool:
    table, colon, right = scope.partition(":")
    return policy.may(_ACTIONS[right], table) if colon else policy.holds(scope)
