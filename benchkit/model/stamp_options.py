"""How the packets of a STAMP session are made, beyond where and when they go."""

from __future__ import annotations

from dataclasses import dataclass

BASE_OCTETS, SEALED_OCTETS = 44, 112
HEADER_OCTETS = 4
SEAL_OCTETS = 20
# The extensions of RFC 8972 that a sender can ask for, as a target names them, and how long each is.
EXTENSIONS = {
    "class-of-service": 8,
    "direct-measurement": 16,
    "follow-up-telemetry": 20,
    "location": 48,
    "timestamp-information": 8,
}
LARGEST_OCTETS = 65_000
LARGEST_DSCP = 63
# Code points by name: RFC 2474, 2597, 3246, 5865, 8622.
DSCP = {
    **{f"cs{number}": 8 * number for number in range(8)},
    **{f"af{row}{drop}": 8 * row + 2 * drop for row in range(1, 5) for drop in range(1, 4)},
    "default": 0,
    "le": 1,
    "va": 44,
    "ef": 46,
}


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

    @property
    def least_octets(self) -> int:
        """How long a packet is without padding; with it, at least 4 more."""
        base = SEALED_OCTETS if self.key_file else BASE_OCTETS
        seal = SEAL_OCTETS if self.key_file and self.extensions else 0
        return base + seal + sum(EXTENSIONS[name] for name in self.extensions)

    @property
    def fits(self) -> bool:
        """Whether there are packets of that size."""
        padding = self.octets - self.least_octets
        return self.octets == 0 or padding == 0 or padding >= HEADER_OCTETS


PLAIN = StampOptions()
# What tells most, and what a far end that does not know it gives back untouched.
FOLLOWED_UP = StampOptions(extensions=("follow-up-telemetry",))
