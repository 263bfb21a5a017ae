"""One axis of time for all that was measured on a path: where each phase lies on it, and which ones loaded the path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchkit.model.samples import Samples
from benchkit.reports.html.chart import Spec, zoomed
from benchkit.reports.html.palette import role
from benchkit.reports.sentences import METRIC_NAMES, PHASE_NAMES
from benchkit.units import NS_PER_S

# The phase of a stream's own samples: both ways are two streams at once.
PHASE_OF = {"both up": "both", "both down": "both"}
STARTS = {"rtt": "due_ns", "http": "due_ns", "goodput": "start_ns", "tcp_info": "at_ns"}
# A stream is told by whichever end sees it. One that began that far from its phase was told by another host's clock.
OTHER_CLOCK_S = 5.0
# Other paths have their turn in between. Where that takes longer than so many times the measuring, pauses are cut.
MOST_PAUSE, CUT_S = 2.0, 1.0
_NAMES = {**METRIC_NAMES, **PHASE_NAMES}


@dataclass(frozen=True)
class Stretch:
    """A phase from `begin` to `end`, in seconds on the axis; `origin` is the second of CLOCK_MONOTONIC at its zero."""

    phase: str
    begin: float
    end: float
    origin: float


@dataclass(frozen=True)
class Timeline:
    """The stretches of one path in their order. `title` names the axis; `key` is one for all charts along it."""

    key: str
    stretches: tuple[Stretch, ...] = field(repr=False)
    title: str

    @property
    def ends(self) -> tuple[float, float]:
        """The whole axis, with a little room."""
        low = min((each.begin for each in self.stretches), default=0.0)
        high = max((each.end for each in self.stretches), default=1.0)
        margin = (high - low) * 0.02 or 0.5
        return round(low - margin, 4), round(high + margin, 4)

    def origin(self, phase: str, first_s: float) -> float:
        """What to take from seconds of the clock that saw its first sample at `first_s`."""
        wanted = PHASE_OF.get(phase, phase)
        stretch = next((each for each in self.stretches if each.phase == wanted), None)
        if stretch is None:
            return first_s
        apart = first_s - stretch.origin - stretch.begin
        return stretch.origin if abs(apart) < OTHER_CLOCK_S else first_s - stretch.begin

    def x(self, name: str = "x") -> Spec:
        """The channel of a chart along it."""
        return zoomed(name, self.title)

    def shading(self) -> tuple[list[Spec], list[Spec]]:
        """Loads as coloured ground and every phase by its name: the data `phases`, and the layers below all others."""
        points = [
            {
                "from": round(each.begin, 4),
                "to": round(each.end, 4),
                "phase": _NAMES.get(each.phase, each.phase),
                "color": role(each.phase) if each.phase in PHASE_NAMES else "transparent",
            }
            for each in self.stretches
        ]
        data = {"name": "phases"}
        ground: Spec = {
            "data": data,
            "mark": {"type": "rect", "opacity": 0.13, "clip": True},
            "encoding": {
                "x": self.x("from"),
                "x2": {"field": "to"},
                "color": {"field": "color", "type": "nominal", "scale": None},
            },
        }
        names: Spec = {
            "data": data,
            "transform": [{"filter": "datum.to > x0 && datum.from < x1"}],
            "mark": {"type": "text", "align": "left", "baseline": "bottom", "dx": 1, "dy": -3},
            "encoding": {
                "x": self.x("at"),
                "y": {"value": 0},
                "text": {"field": "phase"},
                "color": {"value": role("muted")},
            },
        }
        # Zoomed in, a phase that began before still has its name.
        names["transform"].append({"calculate": "max(datum.from, x0)", "as": "at"})
        return points, [ground, names]


def timeline_of(samples: Sequence[Samples], path: str, phases: Sequence[str], key: str) -> Timeline:
    """The axis of a path over those phases, from the first sample on; in true time, or with its long pauses cut."""
    spans = sorted(_spans(samples, path, phases).items(), key=lambda pair: pair[1])
    ends = [end for _, (_, end) in spans]
    pauses = [
        max(0.0, later[1][0] - max(ends[: place + 1])) for place, later in enumerate(spans[1:])
    ]
    measured = sum(end - begin for _, (begin, end) in spans)
    is_cut = sum(pauses) > MOST_PAUSE * measured
    origin, stretches = (spans[0][1][0] if spans else 0.0), []
    for (phase, (begin, end)), pause in zip(spans, [0.0, *pauses], strict=False):
        origin += max(0.0, pause - CUT_S) if is_cut else 0.0
        stretches.append(Stretch(phase, begin - origin, end - origin, origin))
    title = "seconds since the first packet"
    return Timeline(
        key, tuple(stretches), f"{title}, other paths' turns cut out" if is_cut else title
    )


def _spans(
    samples: Sequence[Samples], path: str, phases: Sequence[str]
) -> dict[str, tuple[float, float]]:
    """From when to when each phase lasted: by the near end's packets, or by the stream where there were none."""
    found: dict[str, tuple[float, float]] = {}
    for kinds in (("rtt", "http"), ("goodput",)):
        spans: dict[str, tuple[float, float]] = {}
        for rows in samples:
            phase = PHASE_OF.get(rows.phase, rows.phase)
            if rows.path != path or rows.kind not in kinds or phase not in phases or not len(rows):
                continue
            times = np.ma.getdata(rows.columns[STARTS[rows.kind]])
            begin, end = float(times.min()) / NS_PER_S, float(times.max()) / NS_PER_S
            known = spans.get(phase, (begin, end))
            spans[phase] = min(begin, known[0]), max(end, known[1])
        found = {**spans, **found}
    return found
