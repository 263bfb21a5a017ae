"""The userspace line: a process that holds every frame of its paths back until it is due.

It sleeps until shortly before the next frame is due and watches the clock for the rest, counts how late
it was with each frame, and stops when its campaign does.
"""

from __future__ import annotations

import heapq
import select
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

from benchkit.clock import NS_PER_MS, monotonic_ns, realtime_offset_ns
from benchkit.emulators.lane import Lane, LaneCount, Piece
from benchkit.emulators.segments import part
from benchkit.linux import quiet
from benchkit.linux.packet_ring import Frame, PacketRing
from benchkit.linux.timerfd import TimerFd
from benchkit.model.place import PathModel

FAR_FUTURE = 1 << 62
BATCH = 16  # frames from one ring before the others get their turn
SPIN_NS = 150_000
# The clock is watched for at most this share of the time, so the denser the traffic the shorter the watch:
# a process that never sleeps is held off by the kernel for 50 ms in a second when it has real-time
# priority, which is worse than waking late.
WINDOW_NS = 20 * NS_PER_MS
SPIN_SHARE = 0.4
# A stamp older than this is a stepped clock, not a frame that waited.
OLDEST_NS = 100 * NS_PER_MS
BIN_NS = 2_000
BINS = 5_000


@dataclass(frozen=True)
class Port:
    """One path of the line: its devices in the hub namespace and its ring's dimensions.

    `index` is its place among all paths, whoever carries them: what its seeds are made of.
    """

    index: int
    path: str
    near_device: str
    far_device: str
    largest_frame: int
    slots: int


@dataclass(frozen=True)
class LineReport:
    """What an emulator did since it was last asked.

    `lateness` counts frames in bins of `bin_ns` by how late they were released; empty where nobody knows.
    """

    packets: int = 0
    lost: int = 0  # by the model
    overflowed: int = 0  # by the model's buffer
    dropped: int = 0  # by the emulator's own fault
    duplicated: int = 0
    reordered: int = 0
    realtime: bool = False
    bin_ns: int = BIN_NS
    lateness: tuple[int, ...] = ()


class Line:
    """Rings, lanes, and the frames on their way in between."""

    spin_share = SPIN_SHARE

    def __init__(self, ports: Sequence[Port], models: Sequence[PathModel], seed: int) -> None:
        """Open every ring. Must run inside the hub namespace."""
        self._rings: list[PacketRing] = []
        self._exits: list[PacketRing] = []
        self._lanes: list[Lane] = []
        for port, model in zip(ports, models, strict=True):
            near, far = (
                PacketRing(device, largest=port.largest_frame, slots=port.slots)
                for device in (port.near_device, port.far_device)
            )
            self._rings += [near, far]
            self._exits += [far, near]
            self._lanes.append(Lane(model.forward, model, seed=seed * 1000 + 2 * port.index))
            self._lanes.append(Lane(model.backward, model, seed=seed * 1000 + 2 * port.index + 1))
        self._by_descriptor = {ring.fileno(): index for index, ring in enumerate(self._rings)}
        self._waiting: list[tuple[int, int, int, bytes]] = []
        self._order = 0
        self._lateness = [0] * BINS
        self._refused = 0
        self._window_end_ns = 0
        self._released = 0
        self._spin_ns = SPIN_NS

    def serve(self, control: Connection, *, realtime: bool) -> None:
        """Carry frames until the campaign says stop or is gone."""
        poller = select.epoll()
        timer = TimerFd()
        for descriptor in (*self._by_descriptor, timer.fileno(), control.fileno()):
            poller.register(descriptor, select.EPOLLIN)
        while True:
            now = monotonic_ns()
            if now > self._window_end_ns:
                self._adapt(now)
            for descriptor, _ in self._awaited(poller, timer, now):
                index = self._by_descriptor.get(descriptor)
                if index is not None:
                    self._admit(index)
                elif descriptor == timer.fileno():
                    timer.clear()
                elif not self._obey(control, realtime=realtime):
                    return
            self._release()

    def _awaited(self, poller: select.epoll, timer: TimerFd, now: int) -> list[tuple[int, int]]:
        """What has come until the next frame is due, or nearly."""
        due = self._waiting[0][0] if self._waiting else FAR_FUTURE
        if due - now > self._spin_ns:
            timer.set(due - self._spin_ns)
            return poller.poll()
        return poller.poll(0)

    def _adapt(self, now: int) -> None:
        """Spread the share of time that may be spent watching the clock over as many frames as came lately."""
        allowed = round(self.spin_share * WINDOW_NS / max(self._released, 1))
        self._spin_ns = min(SPIN_NS, allowed)
        self._window_end_ns, self._released = now + WINDOW_NS, 0

    def _admit(self, index: int) -> None:
        lane = self._lanes[index]
        offset = realtime_offset_ns()
        for frame in self._rings[index].frames(BATCH):
            now = monotonic_ns()
            arrival = frame.stamp_ns - offset
            if not now - OLDEST_NS < arrival <= now:
                arrival = now
            for piece in lane.pieces(arrival, frame.octets, frame.segments, frame.header):
                self._keep(index, frame, piece)

    def _keep(self, index: int, frame: Frame, piece: Piece) -> None:
        """Hold a frame, or what is left of it, until it is due."""
        data: bytes | None = frame.data
        if piece.end - piece.first < frame.segments:
            data = part(frame.data, piece.first, piece.end)
        if data is None:
            self._refused += 1
            return
        self._order += 1
        heapq.heappush(self._waiting, (piece.due_ns, self._order, index, data))

    def _release(self) -> None:
        waiting = self._waiting
        while waiting:
            now = monotonic_ns()
            due = waiting[0][0]
            if due > now:
                return
            _, _, index, data = heapq.heappop(waiting)
            self._released += 1
            try:
                self._exits[index].send(data)
            except OSError:
                self._refused += 1
            late = (now - due) // BIN_NS
            self._lateness[late if late < BINS else -1] += 1

    def change(self, models: Sequence[PathModel]) -> None:
        """Take new models, in the order of the ports."""
        now = monotonic_ns()
        for index, model in enumerate(models):
            self._lanes[2 * index].change(model.forward, model, now)
            self._lanes[2 * index + 1].change(model.backward, model, now)

    def _obey(self, control: Connection, *, realtime: bool) -> bool:
        try:
            order, body = control.recv()
        except (EOFError, OSError):
            return False
        if order == "models":
            self.change(body)
            control.send("done")
        elif order == "report":
            control.send(self._report(realtime=realtime))
        return bool(order != "stop")

    def _report(self, *, realtime: bool) -> LineReport:
        counts = [lane.count for lane in self._lanes]
        report = LineReport(
            packets=sum(count.admitted for count in counts),
            lost=sum(count.lost for count in counts),
            overflowed=sum(count.overflowed for count in counts),
            duplicated=sum(count.duplicated for count in counts),
            reordered=sum(count.reordered for count in counts),
            dropped=sum(ring.dropped() for ring in self._rings) + self._refused,
            realtime=realtime,
            bin_ns=BIN_NS,
            lateness=tuple(self._lateness),
        )
        for lane in self._lanes:
            lane.count = LaneCount()
        self._refused = 0
        self._lateness = [0] * BINS
        return report


def serve(control: Connection, opened: Callable[[], Line]) -> None:
    """Be the process of the line that is `opened`, from its priority to the end of its campaign."""
    realtime = quiet.take_priority()
    try:
        line = opened()
    except OSError as error:
        _told(control, ("failed", str(error)))
        return
    quiet.quieten()
    if _told(control, "ready"):
        line.serve(control, realtime=realtime)


def _told(control: Connection, said: object) -> bool:
    """Tell the campaign; False where that has been killed meanwhile."""
    try:
        control.send(said)
    except OSError:
        return False
    return True


def serve_line(
    control: Connection, ports: Sequence[Port], models: Sequence[PathModel], seed: int
) -> None:
    """Be the line's process: the function that the emulator starts inside the hub namespace."""
    serve(control, lambda: Line(ports, models, seed))


def combined(reports: Sequence[LineReport]) -> LineReport:
    """What several lines did, together; at least one."""
    return LineReport(
        packets=sum(one.packets for one in reports),
        lost=sum(one.lost for one in reports),
        overflowed=sum(one.overflowed for one in reports),
        dropped=sum(one.dropped for one in reports),
        duplicated=sum(one.duplicated for one in reports),
        reordered=sum(one.reordered for one in reports),
        realtime=all(one.realtime for one in reports),
        bin_ns=reports[0].bin_ns,
        lateness=tuple(map(sum, zip(*(one.lateness for one in reports), strict=True))),
    )


def quantile_ns(report: LineReport, share: float) -> int | None:
    """The lateness that this share of frames did not exceed, to the upper edge of its bin; None without frames."""
    total = sum(report.lateness)
    seen = 0
    for index, number in enumerate(report.lateness):
        seen += number
        if total and seen >= share * total:
            return (index + 1) * report.bin_ns
    return None
