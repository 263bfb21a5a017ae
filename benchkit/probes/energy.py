"""Energy counters, read again and again from a Prometheus endpoint, or once from a CSV file."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import MeasureError, printable, told_by_system
from benchkit.model.meter import ENERGY_COLUMNS, MICRO, TIME
from benchkit.model.samples import Samples, column
from benchkit.model.spec import EnergySpec
from benchkit.probes.http_errors import unanswered

Reading = tuple[float, float]
Row = tuple[int | None, Reading | None]  # when it was read, and what
Value = TypeVar("Value", int, float)
MOST_OCTETS = 16 << 20
# In millionths it still fits 64 bits.
LARGEST = 2**62 / MICRO
LARGEST_S = 2**62 / NS_PER_S
# What a cell of a recording is to be, in words.
A_TIME = "time: write ISO 8601, such as 2026-01-02T03:04:05Z, or seconds"
A_NUMBER = "number: write what the counter stood at, or leave the cell empty where it was not read"


async def energy(spec: EnergySpec) -> AsyncIterator[Samples]:
    """Yield a row for each reading that was due; one that failed is masked.

    Raises:
        MeasureError: the first reading failed, or the endpoint or file has no such counters.
    """
    if spec.is_recording:
        yield _rows(spec, _recorded(spec))
        return
    timeout = aiohttp.ClientTimeout(total=spec.timeout_ns / NS_PER_S)
    begin = monotonic_ns()
    # What is packed may unpack to any size: nothing is asked for packed, and nothing is unpacked.
    async with aiohttp.ClientSession(
        timeout=timeout, trust_env=False, auto_decompress=False
    ) as session:
        for number in range(spec.count):
            due = begin + number * spec.interval_ns
            await asyncio.sleep(max(0, due - monotonic_ns()) / NS_PER_S)
            try:
                found = scraped(await _page(session, spec), spec)
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                if not number:
                    raise _no_metrics(spec, error) from error
                found = None
            yield _rows(spec, [(monotonic_ns(), found)])


def _no_metrics(spec: EnergySpec, error: Exception) -> MeasureError:
    said, remedy = unanswered(error, "is the exporter running there?")
    return MeasureError(
        f"{spec.path}: {spec.address} gives no metrics: {printable(said)[:200]}; {remedy}"
    )


async def _page(session: aiohttp.ClientSession, spec: EnergySpec) -> str:
    """Everything that the endpoint says, up to a size."""
    found = bytearray()
    plain = {"Accept-Encoding": "identity"}
    async with session.get(spec.address, headers=plain) as answer:
        answer.raise_for_status()
        async for piece in answer.content.iter_any():
            found += piece
            if len(found) > MOST_OCTETS:
                raise ValueError(f"it says more than {MOST_OCTETS} octets")
    return found.decode()


def scraped(text: str, spec: EnergySpec) -> Reading:
    """Both counters, from a page in Prometheus' text format.

    Raises:
        ValueError: it is no such page, or a counter is no number that can be kept.
        MeasureError: it has no such series.
    """
    try:
        samples = [
            (each.name, each.labels, each.value)
            for family in text_string_to_metric_families(text)
            for each in family.samples
        ]
    except (ValueError, LookupError, TypeError, AttributeError) as error:  # its parser and nonsense
        raise ValueError(f"not Prometheus' text format: {error!r}") from error
    return _sum_of(spec, spec.total, samples), _sum_of(spec, spec.equipment, samples)


def _sum_of(
    spec: EnergySpec, selector: str, samples: Sequence[tuple[str, Mapping[str, str], float]]
) -> float:
    """The sum of all series of that name whose labels agree."""
    name, labels = selected(selector)
    values = [
        value
        for its_name, its_labels, value in samples
        if its_name == name and labels.items() <= dict(its_labels).items()
    ]
    if not values:
        names = sorted({printable(its_name)[:60] for its_name, _, _ in samples})
        known = ", ".join(names[:8]) or "none at all"
        raise MeasureError(
            f"{spec.path}: {spec.address} has no series {selector}; it has {known}: name another in the target"
        )
    return _counter(sum(values))


def _counter(value: float) -> float:
    """A counter as it can be kept. Raises ValueError for one that is infinite, no number or beyond any meter."""
    if not abs(value) <= LARGEST:  # NaN is not either
        raise ValueError(f"a counter of {value:g} is none that a meter has")
    return value


def selected(selector: str) -> tuple[str, dict[str, str]]:
    """The name and labels of `name{label="value"}`. Raises ValueError where it is no such thing."""
    for family in text_string_to_metric_families(f"{selector} 0\n"):
        for sample in family.samples:
            return sample.name, dict(sample.labels)
    raise ValueError(f'{selector!r} is no series: write name{{label="value"}}')


def _recorded(spec: EnergySpec) -> list[Row]:
    """All rows of the file; a row whose counters are empty is a gap."""
    try:
        return recorded(_contents(Path(spec.address)), spec)
    except OSError as error:
        raise MeasureError(
            f"{spec.path}: {spec.address} cannot be read as a recording: {printable(told_by_system(error))}; name a file that this user may read"
        ) from error
    except (UnicodeError, csv.Error, ValueError) as error:
        raise MeasureError(
            f"{spec.path}: {spec.address} cannot be read as a recording: {printable(told_by_system(error))}; give text in CSV, with a header"
        ) from error


def _contents(file: Path) -> str:
    """What is in a file, up to a size. Raises OSError, ValueError."""
    if file.exists() and not file.is_file():  # a pipe or a device might never end
        raise ValueError("it is no regular file")
    with file.open(newline="", encoding="utf-8-sig") as opened:
        text = opened.read(MOST_OCTETS + 1)
    if len(text) > MOST_OCTETS:
        raise ValueError(f"it has more than {MOST_OCTETS} characters")
    return text


def what_a_recording_lacks(spec: EnergySpec) -> str:
    """Which of the columns a recording has not, and what to do; empty where it has both, or cannot be read at all."""
    try:
        text = _contents(Path(spec.address))
        header = csv.DictReader(io.StringIO(text, newline="")).fieldnames or ()
    except (OSError, ValueError, csv.Error):
        return ""  # told where it is read
    return _lacking(header, spec)


def _lacking(header: Sequence[str], spec: EnergySpec) -> str:
    missing = sorted({spec.total, spec.equipment} - set(header))
    if not missing:
        return ""
    has = printable(", ".join(header))[:200] or "none"
    return (
        f"{spec.path}: {spec.address} has no column {', '.join(missing)}; it has {has}: rename its columns, or name them "
        "in the target's [[meter]], as total and equipment"
    )


def recorded(text: str, spec: EnergySpec) -> list[Row]:
    """The rows of a recording in CSV, each with its time in ns where it has a column for that.

    Raises:
        csv.Error: it is no such thing.
        MeasureError: it lacks a column, a cell is no number or no time, or its times fall.
    """
    table = csv.DictReader(io.StringIO(text, newline=""))
    if said := _lacking(table.fieldnames or (), spec):
        raise MeasureError(said)
    rows: list[Row] = []
    latest: int | None = None
    for row in table:
        where = f"{spec.path}: {spec.address} line {table.line_num}"
        at = _cell(where, TIME, row.get(TIME), _time_ns, A_TIME)
        total, equipment = (
            _cell(where, name, row[name], lambda said: _counter(float(said)), A_NUMBER)
            for name in (spec.total, spec.equipment)
        )
        if at is not None and latest is not None and at < latest:
            raise MeasureError(
                f"{where}: {row[TIME]} is earlier than the row before: sort the rows by time"
            )
        latest = latest if at is None else at
        rows.append((at, None if total is None or equipment is None else (total, equipment)))
    return rows


def _cell(
    where: str, name: str, text: str | None, read: Callable[[str], Value], remedy: str
) -> Value | None:
    """What a cell says; None where it is empty. Raises MeasureError where it is not what its column has."""
    if not text or not text.strip():
        return None
    try:
        return read(text.strip())
    except ValueError as error:
        said = printable(text)[:60]
        raise MeasureError(f"{where}, column {name}: {said!r} is no {remedy}") from error


def _time_ns(text: str) -> int:
    """Nanoseconds of a time in seconds, or in ISO 8601, which is in UTC where it names no zone. Raises ValueError."""
    try:
        seconds = float(text)
    except ValueError:
        at = datetime.fromisoformat(text)
        seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    if not abs(seconds) <= LARGEST_S:
        raise ValueError(f"{text} is no time in seconds")
    return round(seconds * NS_PER_S)


def _rows(spec: EnergySpec, found: Sequence[Row]) -> Samples:
    absent = [reading is None for _, reading in found]
    table = [
        (at or 0, *(round(each * MICRO) for each in reading or (0, 0))) for at, reading in found
    ]
    timeless = [at is None for at, _ in found]
    columns = {
        name: column([row[at] for row in table], absent if at else timeless)
        for at, name in enumerate(ENERGY_COLUMNS)
    }
    return Samples("energy", spec.path, spec.phase, columns)
