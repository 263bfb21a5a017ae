"""What is asked of a transfer of files, and how it goes over the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from benchkit.probes.stream_terms import LONGEST_NS, STREAMS_LIMIT, VERSION, name_of, whole

KIND = "files"


@dataclass(frozen=True, slots=True)
class FileTerms:
    """A transfer as agreed: it takes `duration_ns` at most, and may rest for `idle_ns` between two files."""

    streams: int
    duration_ns: int
    idle_ns: int
    congestion: str

    def encoded(self) -> dict[str, Any]:
        """As plain values."""
        return {"benchkit": VERSION, "test": KIND, **asdict(self)}


def terms_of(words: Mapping[str, Any]) -> FileTerms:
    """Read what a client asks. Raises TalkError."""
    return FileTerms(
        streams=whole(words, "streams", 1, STREAMS_LIMIT),
        duration_ns=whole(words, "duration_ns", 1, LONGEST_NS),
        idle_ns=whole(words, "idle_ns", 0, LONGEST_NS),
        congestion=name_of(words, "congestion"),
    )
