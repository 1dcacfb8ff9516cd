"""Where a webhook may lead: only to addresses of the public internet, and to networks that the operator allows.

A tenant chooses the address, the server sends: without a guard it would send into its own network for anybody. So

* of a name, every address it has is looked at, and one that is refused refuses the name;
* the connection is made to an address that was looked at, never to the name again, which may answer otherwise by then;
* redirects are not followed.

What is public is said here, not by Python's `ipaddress`, whose answers differ from version to version.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host."""

_HOST: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,62})?(\.[a-z0-9_]([a-z0-9_-]{0,62})?)*\.?", re.ASCII)

_PRIVATE_4: Final = tuple(map(IPv4Network, (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    "168.63.129.16/32",  # what a virtual machine of Azure asks for its secrets
)))  # fmt: skip
"""IPv4 that is not the public internet: this host, private, shared, link-local, documentation, multicast, reserved."""

_PUBLIC_6: Final = IPv6Network("2000::/3")
"""All public IPv6 is in here; so mapped, NAT64, link-local, unique local and multicast addresses are not."""

_PRIVATE_6: Final = tuple(map(IPv6Network, (
    "2001::/23",  # Teredo, ORCHID, benchmarking
    "2001:db8::/32", "3fff::/20",  # documentation
    "2002::/16",  # 6to4: an IPv4 address in disguise
    "2620:4f:8000::/48", "2001:4:112::/48",
)))  # fmt: skip

_ISATAP: Final = (0x00005EFE, 0x02005EFE)
"""The third quarter of an address that holds an IPv4 address in its last."""


class AddressRefused(Exception):
    """Nothing may be sent there; the text is for the tenant, and says nothing of the network."""


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of an endpoint's URL."""

    secure: bool
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> Target:
        """The parts of a URL. ValueError says what is wrong with it."""
        if not url.isascii() or any(c <= " " or c in '<>"\\^`{|}\x7f' for c in url):
            raise ValueError("write it in ASCII without spaces; encode other characters.")
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise ValueError("it must name a host.") from error
        if parts.scheme not in ("https", "http"):
            raise ValueError("it must begin with https://.")
        if "@" in parts.netloc or "#" in url:
            raise ValueError("it may hold no user, password or fragment.")
        host = (parts.hostname or "").lower()
        if not (_HOST.fullmatch(host) or _literal(host)):
            raise ValueError("it must name a host.")
        try:
            port = parts.port
        except ValueError:
            port = 0
        if port == 0:
            raise ValueError("the port must be from 1 to 65535.")
        secure = parts.scheme == "https"
        path = parts.path or "/"
        return cls(secure, host, port or (443 if secure else 80), f"{path}?{parts.query}" if parts.query else path)

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def is_public(address: Address) -> bool:
    """Whether it is an address of the public internet, and of nothing in disguise."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _PRIVATE_4)
    if address.scope_id or address not in _PUBLIC_6 or any(address in network for network in _PRIVATE_6):
        return False
    return (int(address) >> 32) & 0xFFFFFFFF not in _ISATAP


async def look_up(host: str, port: int) -> list[str]:
    """The addresses of a host, by the system."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Guard:
    """Says where may be sent. `allow` are networks of the operator's choice, where plain HTTP is in order too."""

    def __init__(self, allow: Iterable[str | Network] = (), look_up: Lookup = look_up) -> None:
        self._allow: list[Network] = [ip_network(network) for network in allow]
        self._look_up = look_up

    def admits(self, address: str, *, secure: bool) -> bool:
        """Whether something may be sent to this address, by HTTPS (`secure`) or HTTP."""
        try:
            found = ip_address(address)
        except ValueError:
            return False
        if any(found.version == network.version and found in network for network in self._allow):
            return True
        return secure and is_public(found)

    async def addresses(self, host: str, port: int, *, secure: bool) -> list[str]:
        """The addresses of a host, all of them admitted. AddressRefused if one is not, OSError if there are none."""
        try:
            found = [host] if _literal(host) else list(await self._look_up(host, port))
        except UnicodeError as error:  # a name that no lookup takes
            raise OSError(f"{host} has no address.") from error
        if not found:
            raise OSError(f"{host} has no address.")
        if not all(self.admits(address, secure=secure) for address in found):
            raise AddressRefused(_refusal(host, secure=secure))
        return found

    def refuse_url(self, target: Target) -> None:
        """AddressRefused for what is seen without looking a name up: plain HTTP, and an address that is given."""
        if _literal(target.host):
            if not self.admits(target.host, secure=target.secure):
                raise AddressRefused(_refusal(target.host, secure=target.secure))
        elif not target.secure and not self._allow:
            raise AddressRefused(_refusal(target.host, secure=False))


def _refusal(host: str, *, secure: bool) -> str:
    if secure:
        return f"{host} is not on the public internet: nothing is sent there."
    return "Messages are sent by https only."


def _literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
