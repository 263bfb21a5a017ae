"""How the packets of a STAMP session are made, beyond where and when they go."""

from __future__ import annotations

from dataclasses import dataclass

BASE_OCTETS, SEALED_OCTETS = 44, 112
# The extensions of RFC 8972 that a sender can ask for, as a target names them.
EXTENSIONS = (
    "class-of-service",
    "direct-measurement",
    "follow-up-telemetry",
    "location",
    "timestamp-information",
)
LARGEST_OCTETS = 65_000
LARGEST_DSCP = 63


@dataclass(frozen=True, slots=True)
class StampOptions:
    """Packets of a STAMP session.

    A `key_file` holds the key of authenticated mode, in hexadecimal. `dscp` marks what is sent, 0 to 63.
    `octets` is the size of the UDP payload, made up with padding; 0 is as small as it can be. `ptp` stamps
    in PTPv2's format instead of NTP's. `extensions` are among EXTENSIONS.
    """

    key_file: str = ""
    dscp: int = 0
    octets: int = 0
    ptp: bool = False
    extensions: tuple[str, ...] = ()


PLAIN = StampOptions()
