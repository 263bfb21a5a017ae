"""What an iperf3 client asks of a test: the JSON that it sends first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchkit.probes.iperf3_auth import TOKEN_LIMIT
from benchkit.probes.stream_terms import name_of
from benchkit.probes.talk import TalkError, words_of

TCP_BLOCK = 128 << 10
UDP_BLOCK = 1448
VERSION = "3.12"  # whose dialect we speak

# Limits of iperf3's own command line, and the smallest UDP block that holds our header.
SECONDS_LIMIT, STREAMS_LIMIT, SEGMENT_LIMIT = 86_400, 128, 32 << 10
TCP_BLOCK_LIMIT, UDP_BLOCK_LEAST, UDP_BLOCK_LIMIT = 1 << 20, 16, 65_507
WINDOW_LIMIT, RATE_LIMIT, NUMBER_LIMIT = 512 << 20, 10**13, 2**62


@dataclass(frozen=True, slots=True)
class Iperf3Terms:
    """A test as agreed. Sizes in octets; `rate_bps` and `pacing_bps` are each stream's, 0 is unlimited.

    `seconds`, `octets` and `blocks` say when the client means to end it; it alone decides. `token` says who it is.
    """

    seconds: int
    udp: bool = False
    streams: int = 1
    block: int = TCP_BLOCK
    reverse: bool = False
    both: bool = False
    omit_s: int = 0
    octets: int = 0
    blocks: int = 0
    segment: int = 0
    window: int = 0
    no_delay: bool = False
    rate_bps: int = 0
    pacing_bps: int = 0
    tos: int = 0
    congestion: str = ""
    wide_counters: bool = True
    token: str = ""

    @property
    def flows(self) -> tuple[bool, ...]:
        """For each data connection in the order in which the client opens them: whether the client sends."""
        if self.both:
            return (True,) * self.streams + (False,) * self.streams
        return (not self.reverse,) * self.streams

    def encoded(self) -> bytes:
        """As JSON. 3.12 takes the mere presence of a key for true, so what is not asked is left out."""
        asked: dict[str, Any] = {
            "udp" if self.udp else "tcp": True,
            "omit": self.omit_s,
            "time": self.seconds,
            "num": self.octets,
            "blockcount": self.blocks,
            "parallel": self.streams,
            "len": self.block,
            "pacing_timer": 1000,
            "client_version": VERSION,
        }
        wanted = {
            "MSS": self.segment,
            "nodelay": self.no_delay,
            "reverse": self.reverse,
            "bidirectional": self.both,
            "window": self.window,
            "fqrate": self.pacing_bps,
            "TOS": self.tos,
            "congestion": self.congestion,
            "congestion_used": self.congestion,
            "authtoken": self.token,
            "udp_counters_64bit": int(self.udp and self.wide_counters),
        }
        asked |= {key: value for key, value in wanted.items() if value}
        if self.rate_bps or self.udp:
            asked["bandwidth"] = self.rate_bps
        return json.dumps(asked).encode()


def terms_of(message: bytes) -> Iperf3Terms:
    """Read what a client asks. Raises TalkError for what is no such thing, or out of iperf3's own limits."""
    asked = words_of(message)
    if "sctp" in asked or ("tcp" in asked) == ("udp" in asked):
        raise TalkError("it asked for a protocol other than TCP or UDP")
    udp = "udp" in asked
    least, most = (UDP_BLOCK_LEAST, UDP_BLOCK_LIMIT) if udp else (1, TCP_BLOCK_LIMIT)
    return Iperf3Terms(
        seconds=whole(asked, "time", 0, SECONDS_LIMIT, 10),
        udp=udp,
        streams=whole(asked, "parallel", 1, STREAMS_LIMIT, 1),
        block=whole(asked, "len", least, most, UDP_BLOCK if udp else TCP_BLOCK),
        reverse=_flag(asked, "reverse"),
        both=_flag(asked, "bidirectional"),
        omit_s=whole(asked, "omit", 0, SECONDS_LIMIT, 0),
        octets=whole(asked, "num", 0, NUMBER_LIMIT, 0),
        blocks=whole(asked, "blockcount", 0, NUMBER_LIMIT, 0),
        segment=whole(asked, "MSS", 0, SEGMENT_LIMIT, 0),
        window=whole(asked, "window", 0, WINDOW_LIMIT, 0),
        no_delay=_flag(asked, "nodelay"),
        rate_bps=whole(asked, "bandwidth", 0, RATE_LIMIT, 0),
        pacing_bps=whole(asked, "fqrate", 0, RATE_LIMIT, 0),
        tos=whole(asked, "TOS", 0, 255, 0),
        congestion=name_of(asked, "congestion", ""),
        wide_counters=_flag(asked, "udp_counters_64bit"),
        token=_token(asked),
    )


def whole(found: Mapping[str, Any], key: str, low: int, high: int, absent: int | None) -> int:
    """A whole number of a JSON object, within both limits. Raises TalkError, also where it must not be absent.

    Numbers are doubles there: 1.0 is whole too.
    """
    value = found.get(key, absent)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise TalkError(f"it sent {key} {_short(value)}, where {low} to {high} is taken")
    return value


def _flag(found: Mapping[str, Any], key: str) -> bool:
    return bool(found.get(key, False))


def _token(found: Mapping[str, Any]) -> str:
    value = found.get("authtoken", "")
    if not isinstance(value, str) or len(value) > TOKEN_LIMIT:
        raise TalkError(f"it sent authtoken {_short(value)}, which is none")
    return value


def _short(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 64:  # noqa: PLR2004  repr refuses huge ones
        return "beyond any size"
    return repr(value)[:40]
