"""One run as a line of the list: what its record says of it in short, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from benchkit.model.record import VERDICTS, RunRecord
from benchkit.reports.sentences import metric_name, verdict_word

State = Literal["kept", "damaged", "newer", "unfinished", "running", "unread"]
# A mesh has thousands of paths: the worst ones are named, the others counted.
MOST_PATHS = 6
_GRAVITY = {"unfit": 0, "fail": 1, "inconclusive": 2, "pass": 3}


@dataclass(frozen=True, slots=True)
class Judged:
    """The budget of one path that its verdict rests on: which figure, in `unit`, against which limit.

    `word` is what the report calls the path, as NOT JUDGED.
    """

    path: str
    verdict: str
    word: str = ""
    figure: str = ""
    value: float | None = None
    limit: float | None = None
    unit: str = ""

    @property
    def called(self) -> str:
        """The figure as a person calls it: "RTT p95"."""
        metric, _, percentile = self.figure.partition(" ")
        return f"{metric_name(metric)} {percentile}".strip()


@dataclass(frozen=True, slots=True)
class Row:
    """A run in the list. `trouble` says what is wrong with one that is not `kept`, without any path of this machine.

    `word` is what the report begins with, as NOT MEASURED. `paths` are the worst MOST_PATHS of `path_count`; `words` is what a search looks in, in lower case.
    """

    run: str
    state: State
    trouble: str = ""
    target: str = ""
    title: str = ""
    name: str = ""
    started: str = ""
    duration_s: float | None = None
    emulator: str = ""
    kernel: str = ""
    verdict: str = ""
    word: str = ""
    interrupted: bool = False
    paths: tuple[Judged, ...] = ()
    path_count: int = 0
    words: str = ""


def row_of_data(run: str, data: Mapping[str, Any]) -> Row:
    """The row of a record as it lies in its file. Raises KeyError, TypeError or ValueError where it has no such shape."""
    if data["verdict"] not in VERDICTS:
        raise ValueError("no verdict")
    judged = [_judged(path) for path in data["paths"]]
    name = _text(data.get("name") or "")
    target, title = _text(data["target"]), _text(data["title"])
    found = sorted(judged, key=lambda each: _GRAVITY.get(each.verdict, 0))
    is_unmeasured = data["paths"] and not any(path.get("metrics") for path in data["paths"])
    word = verdict_word(data["verdict"], is_measured=not is_unmeasured)
    words = (run, name, target, title, data["verdict"], word, *(each.path for each in judged))
    return Row(
        run=run,
        state="kept",
        target=target,
        title=title,
        name=name,
        started=_text(data["started"]),
        duration_s=float(data["duration_s"]),
        emulator=_text(data["emulator"]),
        kernel=_text(data["kernel"]),
        verdict=data["verdict"],
        word=word,
        interrupted=bool(data.get("interrupted", False)),
        paths=tuple(found[:MOST_PATHS]) if len(found) > MOST_PATHS else tuple(judged),
        path_count=len(judged),
        words=" ".join(words).lower(),
    )


def row_of_record(record: RunRecord) -> Row:
    """The row of a record that was read whole."""
    paths = [
        {
            "path": path.path,
            "verdict": path.verdict,
            "metrics": path.metrics,
            "verdicts": [
                {
                    "metric": each.metric,
                    "percentile": each.percentile,
                    "verdict": each.verdict,
                    "limit": each.limit,
                    "unit": each.unit,
                    "measured": {"value": each.measured.value} if each.measured else {},
                }
                for each in path.verdicts
            ],
        }
        for path in record.paths
    ]
    shown = ("target", "title", "name", "started", "duration_s", "emulator", "kernel", "verdict")
    data = {name: getattr(record, name) for name in (*shown, "interrupted")}
    return row_of_data(record.run, {**data, "paths": paths})


def running(run: str, began: Mapping[str, Any]) -> Row:
    """The row of a run in progress, from what its live log began with."""
    target, title = (str(began.get(name, "")) for name in ("target", "title"))
    started = str(began.get("started", "")) or _started(run.partition("-")[0])
    words = f"{run} {target} {title} running".lower()
    return Row(run, "running", "", target, title, started=started, words=words)


def troubled(run: str, state: State, trouble: str) -> Row:
    """The row of a run that cannot be shown, by its id."""
    stamp, _, rest = run.partition("-")
    target, _, _ = rest.rpartition("-")
    return Row(
        run=run,
        state=state,
        trouble=trouble,
        target=target,
        started=_started(stamp),
        words=f"{run} {state}".lower(),
    )


def _started(stamp: str) -> str:
    """20261123T101500Z as 2026-11-23T10:15:00+00:00."""
    day, clock = stamp[:8], stamp[9:15]
    return f"{day[:4]}-{day[4:6]}-{day[6:]}T{clock[:2]}:{clock[2:4]}:{clock[4:]}+00:00"


def _judged(path: Mapping[str, Any]) -> Judged:
    verdicts = path.get("verdicts") or []
    worst = min(verdicts, key=lambda each: _GRAVITY.get(each["verdict"], 0), default=None)
    name, verdict = _text(path["path"]), _text(path["verdict"])
    word = verdict_word(verdict, is_measured=bool(path.get("metrics")), is_judged=bool(verdicts))
    if worst is None or not worst.get("measured"):  # a figure that was lost is one, without a value
        return Judged(name, verdict, word)
    value = worst["measured"].get("value")
    return Judged(
        name,
        verdict,
        word,
        f"{_text(worst['metric'])} {_text(worst['percentile'])}".strip(),
        None if value is None else float(value),
        float(worst["limit"]),
        _text(worst["unit"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
