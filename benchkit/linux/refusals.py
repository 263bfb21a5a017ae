"""Who was refused: counted, and told once for each source and minute, however often it comes again."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import printable
from benchkit.units import show_count

MINUTE_NS = 60 * NS_PER_S
MOST_SOURCES = 1024
_log = logging.getLogger("benchkit")


@dataclass
class _Source:
    told_ns: int
    since: int = 0
    total: int = 0


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
        """Count one, or as many, and say so where nothing was said of its source for a minute."""
        now = self._now_ns()
        with self._lock:
            self.total += times
            found = self._sources.get(source)
            if found is None:
                found = self._sources[source] = _Source(now - MINUTE_NS)
                if len(self._sources) > MOST_SOURCES:
                    self._sources.popitem(last=False)
            found.since += times
            found.total += times
            if now - found.told_ns < MINUTE_NS:
                return
            often = (
                f" ({show_count(found.since, 'time')} since it was last told)"
                if found.total > 1
                else ""
            )
            found.told_ns, found.since = now, 0
        self._say(f"refused {source}: {printable(why)}{often}")
