"""Where names and lengths stand on a map, so that no line crosses them. Pixels, y upwards; angles in degrees."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchkit.reports.html.chart import Spec

Point = tuple[float, float]
# Where a name may stand about its site, the better places first: a direction, and how the text is set there.
SIDES: dict[str, tuple[float, Spec]] = {
    "below": (270.0, {"dy": 17}),
    "above": (90.0, {"dy": -17}),
    "right": (0.0, {"align": "left", "dx": 12}),
    "left": (180.0, {"align": "right", "dx": -12}),
}
NEAR_PX = 70  # of a site that another's name would cover
OFF_PX = 6  # of a line
LOOK_PX = 24  # where a length's text is, about
FLAT = 0.05


@dataclass(frozen=True)
class Line:
    """A path on the map, from one site to another."""

    begin: Point
    end: Point


def side_of(site: Point, lines: Sequence[Line], sites: Iterable[Point]) -> str:
    """The side that is farthest from the site's lines and from sites nearby."""
    ends = [
        line.end if line.begin == site else line.begin
        for line in lines
        if site in (line.begin, line.end)
    ]
    ends += [each for each in sites if 0 < math.dist(site, each) < NEAR_PX]
    taken = [math.degrees(math.atan2(end[1] - site[1], end[0] - site[0])) for end in ends]
    return max(
        SIDES, key=lambda side: min((_apart(SIDES[side][0], each) for each in taken), default=0.0)
    )


def _apart(one: float, other: float) -> float:
    turned = abs(one - other) % 360
    return min(turned, 360 - turned)


def beside(line: Line, lines: Sequence[Line]) -> Spec:
    """How the text at the middle of a line is set: on the side where other lines of its ends are farther."""
    (x, y), (x2, y2) = line.begin, line.end
    length = math.dist(line.begin, line.end) or 1.0
    up = (y - y2) / length, (x2 - x) / length
    if up[1] < 0:
        up = -up[0], -up[1]
    ends = {line.begin, line.end}
    others = [each for each in lines if len(ends & {each.begin, each.end}) == 1]
    middle = (x + x2) / 2, (y + y2) / 2

    def room(normal: Point) -> float:
        at = middle[0] + LOOK_PX * normal[0], middle[1] + LOOK_PX * normal[1]
        return min((_distance(at, each) for each in others), default=0.0)

    normal = max((up, (-up[0], -up[1])), key=room)
    return {
        "align": _word(normal[0], "left", "right", "center"),
        "baseline": _word(normal[1], "bottom", "top", "middle"),
        "dx": round(OFF_PX * normal[0], 1),
        "dy": round(-OFF_PX * normal[1], 1),
    }


def _word(part: float, more: str, less: str, none: str) -> str:
    return none if abs(part) < FLAT else more if part > 0 else less


def _distance(at: Point, line: Line) -> float:
    """From a point to a line between two others."""
    (x, y), (x2, y2) = line.begin, line.end
    along = ((at[0] - x) * (x2 - x) + (at[1] - y) * (y2 - y)) / (
        math.dist(line.begin, line.end) ** 2 or 1.0
    )
    share = min(max(along, 0.0), 1.0)
    return math.dist(at, (x + share * (x2 - x), y + share * (y2 - y)))
