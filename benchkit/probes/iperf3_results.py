"""What each end of an iperf3 test counted: the JSON that they exchange at its end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchkit.probes.iperf3_terms import STREAMS_LIMIT, whole
from benchkit.probes.talk import TalkError, words_of

# 3.12 prints -1 as an unsigned number of 64 bits, or as the double next to it.
_UNSIGNED = 2**64
_SIGN = 2**63
# Beyond it their numbers, which are doubles, count no longer; 256 streams of it still fit 64 bits.
_MOST = 2**53
# More seconds than any test has, and more percent than any processor gives.
_LARGEST = 1e9


@dataclass(frozen=True, slots=True)
class StreamResult:
    """One stream, as one end counted it. `octets` without what was omitted, packets and lost with it.

    `packets` are those sent, or at the receiver the highest number seen. `retransmits` -1 is unknown.
    """

    number: int
    octets: int
    retransmits: int = -1
    jitter_s: float = 0.0
    lost: int = 0
    packets: int = 0
    omitted_lost: int = 0
    omitted_packets: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Cpu:
    """Processor time of one end, in percent of one processor."""

    user: float = 0.0
    system: float = 0.0


@dataclass(frozen=True, slots=True)
class Results:
    """What one end has to say after a test. `has_retransmits` is -1 where it only received."""

    streams: tuple[StreamResult, ...]
    cpu: Cpu = Cpu()
    has_retransmits: int = -1
    congestion: str = ""

    def encoded(self) -> bytes:
        """As JSON. 3.14 and newer miss the omitted counts where they are left out."""
        said: dict[str, Any] = {
            "cpu_util_total": self.cpu.user + self.cpu.system,
            "cpu_util_user": self.cpu.user,
            "cpu_util_system": self.cpu.system,
            "sender_has_retransmits": self.has_retransmits,
            "streams": [_said(stream) for stream in self.streams],
        }
        if self.congestion:
            said["congestion_used"] = self.congestion
        return json.dumps(said).encode()


def _said(stream: StreamResult) -> dict[str, Any]:
    return {
        "id": stream.number,
        "bytes": stream.octets,
        "retransmits": stream.retransmits,
        "jitter": stream.jitter_s,
        "errors": stream.lost,
        "omitted_errors": stream.omitted_lost,
        "packets": stream.packets,
        "omitted_packets": stream.omitted_packets,
        "start_time": 0,
        "end_time": stream.seconds,
    }


def results_of(message: bytes) -> Results:
    """Read what the other end counted. Raises TalkError."""
    said = words_of(message)
    streams = said.get("streams")
    if not isinstance(streams, list) or not 1 <= len(streams) <= 2 * STREAMS_LIMIT:
        raise TalkError("it sent results without streams")
    congestion = said.get("congestion_used", "")
    return Results(
        streams=tuple(_stream_of(each) for each in streams),
        cpu=Cpu(_real(said, "cpu_util_user"), _real(said, "cpu_util_system")),
        has_retransmits=_signed(said, "sender_has_retransmits", -1),
        congestion=congestion if isinstance(congestion, str) else "",
    )


def _stream_of(said: object) -> StreamResult:
    if not isinstance(said, dict):
        raise TalkError("it sent a stream's results that are no object")
    packets, omitted_packets = (_count(said, key) for key in ("packets", "omitted_packets"))
    lost, omitted_lost = (_count(said, key) for key in ("errors", "omitted_errors"))
    return StreamResult(
        number=whole(said, "id", 1, _SIGN, None),
        octets=_count(said, "bytes"),
        retransmits=_signed(said, "retransmits", -1),
        jitter_s=_real(said, "jitter"),
        lost=min(lost, packets),
        packets=packets,
        omitted_lost=min(omitted_lost, lost, omitted_packets),
        omitted_packets=min(omitted_packets, packets),
        seconds=_real(said, "end_time"),
    )


def _signed(said: Mapping[str, Any], key: str, absent: int) -> int:
    value = whole(said, key, -_SIGN, _UNSIGNED, absent)
    return -1 if value >= _SIGN else value


def _count(said: Mapping[str, Any], key: str) -> int:
    """Never below zero: iperf3 takes one loss back for each packet that comes late, and for each double."""
    value = max(0, _signed(said, key, 0))
    if value > _MOST:
        raise TalkError(f"it sent {key} beyond any size")
    return value


def _real(said: Mapping[str, Any], key: str) -> float:
    value = said.get(key, 0.0)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TalkError(f"it sent {key} that is no number")
    if not value <= _LARGEST:  # nor is it for NaN
        raise TalkError(f"it sent {key} beyond any size")
    return max(0.0, float(value))
