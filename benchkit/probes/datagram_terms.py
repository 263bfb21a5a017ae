"""What is asked of a UDP test, and how it goes over the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from benchkit.linux.datagrams import LEAST_PAYLOAD, MOST_PAYLOAD
from benchkit.model.bulk_spec import UdpSpec
from benchkit.probes.stream_terms import LONGEST_NS, VERSION, whole
from benchkit.probes.talk import TalkError

KIND = "datagrams"
RATE_LIMIT = 10**13
# What opens the way: the word, then the token that the far end gave.
HELLO = b"benchkit hello "


@dataclass(frozen=True, slots=True)
class UdpTerms:
    """A test as agreed. `rate_bps` counts payload, 0 is as fast as the receiver has room; `joined` uses GSO and GRO."""

    up: bool
    duration_ns: int
    rate_bps: int
    payload: int
    joined: bool

    def encoded(self) -> dict[str, Any]:
        """As plain values."""
        return {"benchkit": VERSION, "test": KIND, **asdict(self)}


def terms_from(spec: UdpSpec, *, joined: bool) -> UdpTerms:
    """What a spec asks for, where this kernel can join datagrams or not."""
    return UdpTerms(spec.up, spec.duration_ns, spec.rate_bps, spec.payload_octets, joined)


def terms_of(words: Mapping[str, Any]) -> UdpTerms:
    """Read what a client asks. Raises TalkError."""
    for key in ("up", "joined"):
        if not isinstance(words.get(key), bool):
            raise TalkError(
                f"it sent {key} {str(words.get(key))[:40]}, where true or false is taken"
            )
    return UdpTerms(
        up=bool(words["up"]),
        duration_ns=whole(words, "duration_ns", 1, LONGEST_NS),
        rate_bps=whole(words, "rate_bps", 0, RATE_LIMIT),
        payload=whole(words, "payload", LEAST_PAYLOAD, MOST_PAYLOAD),
        joined=bool(words["joined"]),
    )


def mark_of(token: str) -> int:
    """What each datagram of the test that this token stands for begins with, 63 bits."""
    return int(token, 16) >> 1
