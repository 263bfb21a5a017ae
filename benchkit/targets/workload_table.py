"""The table of a workload, and what it becomes. Which keys each kind takes is checked beside its shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from benchkit.model.workload import Exchange, Workload
from benchkit.targets.problems import Complaint
from benchkit.targets.table import Table
from benchkit.targets.values import Name, Pace, Period, Size

# What each kind of workload must say, and what it may.
KEYS: dict[str, tuple[set[str], set[str]]] = {
    "data set": ({"size"}, {"files", "streams"}),
    "checkpoint": ({"size", "every"}, {"rounds", "streams"}),
    "inference": ({"mix", "rate", "duration"}, set()),
}
EXAMPLES = {
    "size": 'size = "200 MB"',
    "every": 'every = "1 min"',
    "rate": 'rate = "50/s"',
    "duration": 'duration = "10 s"',
    "mix": 'mix = [{ request = "2 KiB", response = "8 KiB" }]',
}
# How many checkpoints show whether they come in time.
ROUNDS = 3


class ExchangeTable(Table):
    """A request and its response. `share` is a weight, and the weights of a mix need not sum to 1."""

    share: Annotated[float, Field(gt=0, le=1000)] = 1.0
    request: Size = Field(examples=['request = "2 KiB"'])
    response: Size = Field(examples=['response = "8 KiB"'])


class WorkloadTable(Table):
    """What a job does over the path; KEYS says which kind takes what."""

    name: Name = Field(examples=['name = "nightly"'])
    kind: Literal["data set", "checkpoint", "inference"] = Field(examples=['kind = "data set"'])
    size: Size | None = None
    files: Annotated[int, Field(ge=1, le=100_000)] | None = None
    streams: Annotated[int, Field(ge=1, le=128)] | None = None
    every: Period | None = None
    rounds: Annotated[int, Field(ge=1, le=10_000)] | None = None
    mix: Annotated[tuple[ExchangeTable, ...], Field(strict=False)] = ()
    rate: Pace | None = None
    duration: Period | None = None

    def workload(self) -> Workload:
        """The workload that it says."""
        return Workload(
            name=self.name,
            kind=self.kind,
            octets=self.size or 0,
            files=self.files or 1,
            streams=self.streams or 1,
            every_ns=self.every or 0,
            rounds=self.rounds or (ROUNDS if self.kind == "checkpoint" else 1),
            mix=tuple(Exchange(each.share, each.request, each.response) for each in self.mix),
            rate_per_s=self.rate or 0.0,
            duration_ns=self.duration or 0,
        )


def misfits(location: tuple[int | str, ...], table: Mapping[str, Any]) -> Iterator[Complaint]:
    """What its kind does not take, or needs and has not."""
    kind = table.get("kind")
    if kind not in KEYS:
        return
    needed, allowed = KEYS[kind]
    for key in sorted(needed - table.keys()):
        yield (*location, key), f"is missing, and a {kind} needs it: write {EXAMPLES[key]}"
    if "mix" in needed and table.get("mix") == []:
        yield (*location, "mix"), f"is empty: write {EXAMPLES['mix']}"
    for key in sorted(table.keys() - needed - allowed - {"name", "kind"}):
        takes = ", ".join(sorted(needed | allowed))
        yield (*location, key), f"means nothing for a {kind}, which takes {takes}: drop it"
