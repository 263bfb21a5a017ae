"""What both ends of a bulk test do alike: run the flows, count, and hear what the other end counts."""

from __future__ import annotations

import select
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchkit.clock import NS_PER_MS, NS_PER_S, monotonic_ns
from benchkit.probes.data_thread import DataThread
from benchkit.probes.stream_meter import Counts, StreamMeter, counts_of
from benchkit.probes.talk import Talk, TalkError

LOOK_NS = 20 * NS_PER_MS
SILENCE_S = 5.0
# What is on its way when the senders end may take this long: full buffers in front of a slow line. While it moves.
DRAIN_S = 60.0


class BulkSession:
    """One test at one end. `ours` and `theirs` hold what is known at any time, also when it breaks off."""

    def __init__(
        self,
        talk: Talk,
        duration_ns: int,
        flows: Sequence[DataThread],
        silence_s: float | None = None,
        heard: Callable[[], None] = lambda: None,
    ) -> None:
        """Take over connected flows; nothing moves yet. When nothing does for `silence_s`, it breaks off.

        `heard` is called now and then, when `ours` and `theirs` may have grown.
        """
        self._heard = heard
        self._silence_s = SILENCE_S if silence_s is None else silence_s
        self.ours = Counts()
        self.theirs = Counts()
        self.their_end: Sequence[Mapping[str, Any]] | None = None
        self._talk = talk
        self._duration_ns = duration_ns
        self._flows = flows

    def run(self, *, tells: bool) -> None:
        """Move data for the time agreed and wait until all has arrived.

        An end that `tells` sends its counts to the other as they come. Raises TalkError when the other end
        goes, or when nothing moves.
        """
        meter = StreamMeter(self._flows)
        for flow in self._flows:
            flow.start()
        end_ns = monotonic_ns() + self._duration_ns
        moved, moved_ns = -1, end_ns
        told = False
        poller = select.poll()
        poller.register(self._talk, select.POLLIN)
        while not (told and self.their_end is not None):
            now = monotonic_ns()
            wake_ns = min(meter.due_ns, now + LOOK_NS)
            poller.poll(max(0, wake_ns - now) / NS_PER_MS)
            now = monotonic_ns()
            if now >= end_ns:
                self._end_senders()
            ended = all(flow.ended for flow in self._flows)
            if not told and (ended or now >= meter.due_ns):
                self._count(meter, tells=tells)
            if ended and not told:
                self._talk.say({"end": [flow.total() for flow in self._flows]})
                told = True
            self._hear()
            self._heard()
            if (progress := self._progress()) != moved:
                moved, moved_ns = progress, now
            self._check(now, moved_ns, end_ns)

    def _end_senders(self) -> None:
        for flow in self._flows:
            if flow.sends:
                flow.running = False

    def _count(self, meter: StreamMeter, *, tells: bool) -> None:
        more = meter.tick()
        self.ours.extend(more)
        if tells:
            self._talk.say({"counts": more.encoded()})

    def _hear(self) -> None:
        if self.their_end is not None:
            return  # that was its last word: it may hang up as soon as it has ours
        for words in self._talk.heard():
            if isinstance(words.get("counts"), dict):
                self.theirs.extend(counts_of(words["counts"]))
            if "broke" in words:
                raise TalkError(f"it says that {str(words['broke'])[:200]}")
            if "end" in words:
                self._finish(words["end"])

    def _finish(self, said: object) -> None:
        if not isinstance(said, list) or len(said) != len(self._flows):
            raise TalkError("it sent totals of other streams")
        if not all(isinstance(each, dict) for each in said):
            raise TalkError("it sent totals that are none")
        for flow, theirs in zip(self._flows, said, strict=True):
            flow.finish(theirs)
        self.their_end = said

    def _progress(self) -> int:
        """A number that grows as long as anything moves, here or there."""
        return self.ours.moved + self.theirs.moved + sum(flow.octets for flow in self._flows)

    def _check(self, now: int, moved_ns: int, end_ns: int) -> None:
        for flow in self._flows:
            if flow.ended and flow.trouble:
                raise TalkError(f"stream {flow.number} broke: {flow.trouble}")
        if now - moved_ns > self._silence_s * NS_PER_S:
            raise TalkError(f"no data moved for {self._silence_s:g} s")
        if now - end_ns > DRAIN_S * NS_PER_S:
            raise TalkError(
                f"data still arrived {DRAIN_S:g} s after the senders had ended, too slow a line for what they had sent: give a smaller --window"
            )
