"""Whom a reflector answers, and how often: nobody shall make it a tool against others."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TypeVar

from benchkit.clock import NS_PER_S

MOST_SOURCES = 1 << 14
BURST_S = 0.1
NOT_ALLOWED, TOO_OFTEN = "from a network that is not allowed", "more often than --rate-cap allows"
LEAST_BURST = 16.0
IPV6, IPV6_SOURCE_OCTETS = 6, 8

_Kept = TypeVar("_Kept")


class Admission:
    """An allow-list of networks, and a token bucket for each source: an IPv4 address, or 64 bits of an IPv6 one.

    `is_open` is to admit everybody always. Whoever has one IPv6 address has all of its network, and would be as many
    sources as it liked.
    """

    def __init__(self, allowed: Sequence[str] = (), rate_per_s: float = 0) -> None:
        """Admit these networks, all where none is named, with so many packets a second; 0 is without a cap."""
        self._networks = [ip_network(text) for text in allowed]
        self._rate = rate_per_s
        self._depth = max(LEAST_BURST, rate_per_s * BURST_S)
        # By address: whether it is allowed, and which source that is.
        self._known: OrderedDict[str, tuple[bool, str]] = OrderedDict()
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self.is_open = not self._networks and not rate_per_s

    def admits(self, address: str, now_ns: int) -> bool:
        """Whether a packet from that address is to be answered; `now_ns` is on CLOCK_MONOTONIC."""
        return not self.objection(address, now_ns)

    def objection(self, address: str, now_ns: int) -> str:
        """Why a packet from that address is not to be answered, in words; "" where it is."""
        if self.is_open:
            return ""
        known = self._known.get(address)
        if known is None:
            known = self._look_at(address)
            _remember(self._known, address, known)
        allowed, source = known
        if not allowed:
            return NOT_ALLOWED
        return TOO_OFTEN if self._rate and not self._has_token(source, now_ns) else ""

    def _look_at(self, text: str) -> tuple[bool, str]:
        address = _plain(text)
        allowed = not self._networks or any(address in network for network in self._networks)
        return allowed, source_of(text)

    def _has_token(self, source: str, now_ns: int) -> bool:
        tokens, last_ns = self._buckets.get(source, (self._depth, now_ns))
        tokens = min(self._depth, tokens + (now_ns - last_ns) * self._rate / NS_PER_S)
        granted = tokens >= 1
        _remember(self._buckets, source, (tokens - granted, now_ns))
        return granted


def source_of(text: str) -> str:
    """Who an address belongs to: all of an IPv4 one, 64 bits of an IPv6 one, in hexadecimal.

    >>> source_of("192.0.2.1") == source_of("::ffff:192.0.2.1")
    True
    >>> source_of("2001:db8::1") == source_of("2001:db8::2%eth0")
    True
    """
    address = _plain(text)
    found = address.packed[:IPV6_SOURCE_OCTETS] if address.version == IPV6 else address.packed
    return found.hex()


def _plain(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text.partition("%")[0])
    # An IPv4 sender as a socket of both families sees it.
    return getattr(address, "ipv4_mapped", None) or address


def _remember(table: OrderedDict[str, _Kept], key: str, value: _Kept) -> None:
    """Keep it as the newest; the oldest goes where there are too many."""
    table[key] = value
    table.move_to_end(key)
    if len(table) > MOST_SOURCES:
        table.popitem(last=False)
