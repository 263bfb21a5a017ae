"""What the answers of a far end tell of it, beside times: one bit each, and what it means to a person."""

from __future__ import annotations

from enum import IntFlag


class FarFlags(IntFlag):
    """Bits of the column `far_flags`."""

    SWAPPED_STAMPS = 1
    FOREIGN_T1 = 2
    OTHER_LENGTH = 4
    NO_SSID = 8
    NO_EXTENSIONS = 16
    MALFORMED = 32
    SPOILT = 64
    CLASS_CHANGED_THERE = 128
    CLASS_CHANGED_BACK = 256
    CLASS_REFUSED = 512
    ADDRESS_TRANSLATED = 1024
    SYNCHRONISED = 2048
    PTP = 4096
    NO_DWELL = 8192
    NO_TTL = 16384
    COUNTS = 32768


# What a reader should know; of the rest the samples tell.
WORDS = {
    FarFlags.SWAPPED_STAMPS: "it puts the sender's time where its own belongs: put right here",
    FarFlags.FOREIGN_T1: "it gives back another send time than was sent: ours is used",
    FarFlags.OTHER_LENGTH: "its answers are of another length than what was sent",
    FarFlags.NO_SSID: "it knows no session identifiers (RFC 8972)",
    FarFlags.NO_EXTENSIONS: "it did not process the extensions that were sent",
    FarFlags.MALFORMED: "it called an extension malformed",
    FarFlags.SPOILT: "it found the extensions' HMAC wrong, or their HMAC was wrong on return",
    FarFlags.CLASS_CHANGED_THERE: "the DSCP was changed on the way there",
    FarFlags.CLASS_CHANGED_BACK: "the DSCP was changed on the way back",
    FarFlags.CLASS_REFUSED: "it refused to answer with the DSCP that was asked for",
    FarFlags.ADDRESS_TRANSLATED: "it saw another address or port than packets left with: an address translator is between",
    FarFlags.NO_DWELL: "it gives one time for arrival and departure: its dwell is in the figure",
    FarFlags.NO_TTL: "it does not tell the TTL it saw",
}
