"""What is asked of a bulk TCP test, and how it goes over the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from benchkit.clock import NS_PER_S
from benchkit.linux.bulk import MODES
from benchkit.model.bulk_spec import TcpSpec
from benchkit.probes.talk import TalkError

VERSION = 2
DIRECTIONS = ("up", "down", "both")
STREAMS_LIMIT, WINDOW_LIMIT, LONGEST_NS = 128, 512 << 20, 3600 * NS_PER_S
NAME_LIMIT = 16  # TCP_CA_NAME_MAX


@dataclass(frozen=True, slots=True)
class StreamTerms:
    """A test as agreed. `window_octets` 0 leaves both buffers to the kernel."""

    direction: str
    duration_ns: int
    streams: int
    mode: str
    congestion: str
    window_octets: int = 0

    @property
    def flows(self) -> tuple[bool, ...]:
        """For each data connection in the order of its number: whether the client sends."""
        if self.direction == "both":
            return (True,) * self.streams + (False,) * self.streams
        return (self.direction == "up",) * self.streams

    def encoded(self) -> dict[str, Any]:
        """As plain values."""
        return {"benchkit": VERSION, "test": "stream", **asdict(self)}


def terms_from(spec: TcpSpec) -> StreamTerms:
    """What a spec asks for."""
    return StreamTerms(
        direction=spec.direction,
        duration_ns=spec.duration_ns,
        streams=spec.streams,
        mode=spec.mode,
        congestion=spec.congestion,
        window_octets=spec.window_octets,
    )


def terms_of(words: Mapping[str, Any]) -> StreamTerms:
    """Read what a client asks. Raises TalkError for what is no such thing, or beyond the limits."""
    return StreamTerms(
        direction=_one_of(words, "direction", DIRECTIONS),
        duration_ns=whole(words, "duration_ns", 1, LONGEST_NS),
        streams=whole(words, "streams", 1, STREAMS_LIMIT),
        mode=_one_of(words, "mode", MODES),
        congestion=name_of(words, "congestion"),
        window_octets=whole(words, "window_octets", 0, WINDOW_LIMIT),
    )


def whole(words: Mapping[str, Any], key: str, low: int, high: int) -> int:
    """A whole number within both limits. Raises TalkError."""
    value = words.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise TalkError(f"it sent {key} {str(value)[:40]}, where {low} to {high} is taken")
    return value


def _one_of(words: Mapping[str, Any], key: str, known: tuple[str, ...]) -> str:
    value = words.get(key)
    if value not in known:
        raise TalkError(f"it sent {key} {str(value)[:40]}, where {', '.join(known)} is taken")
    return str(value)


def name_of(words: Mapping[str, Any], key: str, absent: str | None = None) -> str:
    """A name of the kernel's. Raises TalkError, also where it must not be absent."""
    value = words.get(key, absent)
    if not isinstance(value, str) or len(value) >= NAME_LIMIT or not value.isascii():
        raise TalkError(f"it sent {key} {str(value)[:40]}, which is no name")
    if "\0" in value:
        raise TalkError(f"it sent {key} with a zero octet in it")
    return value
