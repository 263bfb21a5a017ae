"""The table of a site that says how STAMP's packets to it are made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from benchkit import units
from benchkit.errors import AskedWronglyError
from benchkit.linux.key_file import read_key
from benchkit.model.stamp_options import DSCP, LARGEST_DSCP, LARGEST_OCTETS, StampOptions
from benchkit.targets.folders import named_from
from benchkit.targets.problems import Complaint, shown
from benchkit.targets.table import Table
from benchkit.targets.values import once

Extension = Literal[
    "class-of-service",
    "direct-measurement",
    "follow-up-telemetry",
    "location",
    "timestamp-information",
]


def _dscp(value: object) -> int:
    found = DSCP.get(value) if isinstance(value, str) else value
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= LARGEST_DSCP:
        raise ValueError(f"{shown(value)} is no code point: write 'ef', 'af41', 'cs5', or 0 to 63")
    return found


def _size(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} must be a text with its unit, like '200 B'")  # noqa: TRY004  pydantic gathers ValueErrors
    octets = units.octets(value)
    if not 0 < octets <= LARGEST_OCTETS:
        raise ValueError(f"{value!r} must be 1 to {LARGEST_OCTETS} B: it has to fit in one packet")
    return octets


class StampTable(Table):
    """How packets are made. `size` is that of the UDP payload."""

    key: str | None = None
    dscp: Annotated[int, BeforeValidator(_dscp)] = 0
    size: Annotated[int, BeforeValidator(_size)] = 0
    stamps: Literal["ntp", "ptp"] = "ntp"
    extensions: Annotated[tuple[Extension, ...], Field(strict=False), AfterValidator(once)] = ()

    def options(self, folder: FilePath) -> StampOptions:
        """The same for a probe; a key's file is found from the folder of the target."""
        return StampOptions(
            key_file=str((folder / self.key).resolve()) if self.key else "",
            dscp=self.dscp,
            octets=self.size,
            ptp=self.stamps == "ptp",
            extensions=self.extensions,
        )


def stamp_complaints(tables: Sequence[StampTable | None], folder: FilePath) -> Iterator[Complaint]:
    """What only the files and the sum of the parts tell, for the tables of all sites in order."""
    for index, table in enumerate(tables):
        if table is None:
            continue
        place, options = ("site", index, "stamp"), table.options(folder)
        if not options.fits:
            least = options.least_octets
            yield (
                (*place, "size"),
                f"'{options.octets} B' cannot be: these packets have {least} B, or {least + 4} B and more with padding; write such a size, or none",
            )
        try:
            read_key(options.key_file)
        except AskedWronglyError as error:
            yield (*place, "key"), f"{error}{named_from(table.key)}"
