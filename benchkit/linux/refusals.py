"""Who was refused, and why: counted, and told once for each source, reason and minute, however often it comes again."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import printable
from benchkit.units import show_count

MINUTE_NS = 60 * NS_PER_S
MOST_SOURCES = 1024
# Of one source; what else it is refused for is counted together, or whoever finds ever new ways would fill the log.
MOST_REASONS = 4
OTHERWISE = "for other reasons"
_log = logging.getLogger("benchkit")


@dataclass
class _Reason:
    told_ns: int | None = None
    since: int = 0

    def told(self, now_ns: int) -> str:
        """How often it was the reason since it was told, which it is now."""
        often, is_first = self.since, self.told_ns is None
        self.told_ns, self.since = now_ns, 0
        if is_first:
            return f" ({show_count(often, 'time')})" if often > 1 else ""
        return f" ({show_count(often, 'time')} since it was last told)"


@dataclass
class _Source:
    reasons: dict[str, _Reason] = field(default_factory=dict)

    def reason(self, why: str) -> tuple[str, _Reason]:
        if why not in self.reasons and len(self.reasons) >= MOST_REASONS:
            why = OTHERWISE
        return why, self.reasons.setdefault(why, _Reason())


class Refusals:
    """Counts by source, of which the oldest are forgotten where there are too many."""

    def __init__(
        self,
        say: Callable[[str], None] = _log.warning,
        now_ns: Callable[[], int] = monotonic_ns,
    ) -> None:
        """Tell `say`: without one the log, which goes to stderr."""
        self._say = say
        self._now_ns = now_ns
        self._sources: OrderedDict[str, _Source] = OrderedDict()
        self._lock = threading.Lock()
        self.total = 0

    def add(self, source: str, why: str, times: int = 1) -> None:
        """Count one, or as many, and say so where nothing was said of its source and reason for a minute."""
        now, why = self._now_ns(), printable(why)
        with self._lock:
            self.total += times
            found = self._sources.get(source)
            if found is None:
                found = self._sources[source] = _Source()
                if len(self._sources) > MOST_SOURCES:
                    self._sources.popitem(last=False)
            why, reason = found.reason(why)
            reason.since += times
            if reason.told_ns is not None and now - reason.told_ns < MINUTE_NS:
                return
            often = reason.told(now)
        self._say(f"refused {source}: {why}{often}")

    def tell_rest(self) -> None:
        """Say what was counted and not yet told: call it at the end."""
        now = self._now_ns()
        with self._lock:
            said = [
                f"refused {source}: {why}{reason.told(now)}"
                for source, found in self._sources.items()
                for why, reason in found.reasons.items()
                if reason.since
            ]
        for line in said:
            self._say(line)
