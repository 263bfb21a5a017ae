"""The keys that the agent of a site wants: in files, named from the folder of the target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchkit.errors import AskedWronglyError
from benchkit.linux.key_file import exposure, read_key
from benchkit.targets.folders import named_from
from benchkit.targets.iperf3_site import public_key
from benchkit.targets.problems import Complaint
from benchkit.targets.schema import SiteTable

# What bulk tests show, and what HTTP and requests do.
KEYS = ("stream_key", "request_key")


def key_of(name: str | None, folder: Path) -> bytes:
    """The key in a file, none where no file is named. Raises AskedWronglyError."""
    return read_key(str((folder / name).resolve()) if name else "")


def key_complaints(sites: Sequence[SiteTable], folder: Path) -> Iterator[Complaint]:
    """What is wrong with the keys of all sites, in their order."""
    for index, site in enumerate(sites):
        for name in KEYS:
            try:
                key_of(getattr(site, name), folder)
            except AskedWronglyError as error:
                yield ("site", index, name), f"{error}{named_from(getattr(site, name))}"
        if site.iperf3_key is not None:
            try:
                public_key(site.iperf3_key, folder)
            except AskedWronglyError as error:
                yield ("site", index, "iperf3_key"), str(error)


def key_warnings(sites: Sequence[SiteTable], folder: Path) -> Iterator[str]:
    """The keys of all sites, for STAMP too, that others of this machine may read; each once."""
    sealing = [site.stamp.key for site in sites if site.stamp is not None]
    shown = [getattr(site, name) for site in sites for name in KEYS]
    for name in dict.fromkeys(filter(None, (*sealing, *shown))):
        if said := exposure(str(folder / name), name):
            yield said
