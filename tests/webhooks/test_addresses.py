"""Where webhooks may lead: the guard, without a socket."""

from __future__ import annotations

import pytest

from crmcore.platform.webhooks import AddressRefused, Guard, Target

PUBLIC = [
    "93.184.216.34",
    "8.8.8.8",
    "1.1.1.1",
    "172.32.0.1",
    "192.169.0.1",
    "2606:4700::1111",
    "2a00:1450::1",
    "2001:4860:4860::8888",
]
REFUSED = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:10::1", "2001:20::1",
    "2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0",
    "2606:4700::1%eth0", "fec0::1", "ff02::1", "2606:4700::5efe:127.0.0.1", "2606:4700::200:5efe:127.0.0.1", "localhost", "",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_admitted_by_https_only(address):
    assert Guard().admits(address, secure=True)
    assert not Guard().admits(address, secure=False)


@pytest.mark.parametrize("address", REFUSED)
def test_what_is_not_public_is_refused(address):
    assert not Guard().admits(address, secure=True)


def test_the_operator_may_allow_networks():
    guard = Guard(["10.1.0.0/16", "fd00:1::/32"])
    assert guard.admits("10.1.2.3", secure=False)
    assert guard.admits("fd00:1::9", secure=True)
    assert not guard.admits("10.2.0.1", secure=True)
    assert not guard.admits("::ffff:10.1.2.3", secure=True)


def answering(*answers: list[str]):
    """A lookup whose answers differ from time to time, as a rebinding name's do."""
    left = list(answers)

    async def look_up(_host: str, _port: int) -> list[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return look_up


async def test_every_address_of_a_name_is_looked_at():
    guard = Guard(look_up=answering(["93.184.216.34", "10.0.0.1"]))
    with pytest.raises(AddressRefused, match=r"^hook\.example is not on the public internet"):
        await guard.addresses("hook.example", 443, secure=True)
    both = Guard(look_up=answering(["93.184.216.34", "2606:4700::1111"]))
    assert await both.addresses("hook.example", 443, secure=True) == ["93.184.216.34", "2606:4700::1111"]
    with pytest.raises(AddressRefused, match="https only"):
        await both.addresses("hook.example", 80, secure=False)
    with pytest.raises(OSError):
        await Guard(look_up=answering([])).addresses("hook.example", 443, secure=True)


async def test_a_name_that_answers_otherwise_next_time_leads_nowhere_else():
    guard = Guard(look_up=answering(["93.184.216.34"], ["127.0.0.1"]))
    assert await guard.addresses("hook.example", 443, secure=True) == ["93.184.216.34"]  # what is connected to
    with pytest.raises(AddressRefused):
        await guard.addresses("hook.example", 443, secure=True)


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1", "0177.0.0.1", "localhost", "ip6-localhost"])
async def test_other_spellings_of_this_host_are_refused_by_the_address_they_mean(host):
    try:
        found = await Guard().addresses(host, 443, secure=True)
    except (AddressRefused, OSError):
        return
    raise AssertionError(found)


@pytest.mark.parametrize(
    "url, said",
    [
        ("ftp://example.org/", "https"), ("example.org", "https"), ("https:///path", "host"), ("https://", "host"),
        ("https://user@example.org/", "user"), ("https://user:pass@example.org/", "user"), ("https://example.org/#x", "fragment"),
        ("https://exämple.org/", "ASCII"), ("https://example.org/a b", "ASCII"), ("https://example.org/\r\nX: y", "ASCII"),
        ("https://example.org:0/", "port"), ("https://example.org:99999/", "port"), ("https://example.org:x/", "port"),
        ("https://[::1/", "host"), ("https://exa mple/", "ASCII"), ("https://-x.org/", "host"), ("https://a..b/", "host"), ("javascript:1", "https"),
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_receiver(url, said):
    with pytest.raises(ValueError, match=said):
        Target.of(url)


def test_the_parts_of_a_url():
    target = Target.of("HTTPS://Hook.Example:8443/a/b?c=d&e=%20")
    assert (target.secure, target.host, target.port, target.path) == (True, "hook.example", 8443, "/a/b?c=d&e=%20")
    assert target.authority == "hook.example:8443"
    assert Target.of("https://[2606:4700::1]").authority == "[2606:4700::1]"
    assert Target.of("http://a.example?x").path == "/?x"


def test_an_address_that_is_given_is_refused_at_once():
    Guard().refuse_url(Target.of("https://hook.example/"))
    Guard(["127.0.0.0/8"]).refuse_url(Target.of("http://127.0.0.1:9/"))
    for url in ("http://hook.example/", "https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest"):
        with pytest.raises(AddressRefused):
            Guard().refuse_url(Target.of(url))
