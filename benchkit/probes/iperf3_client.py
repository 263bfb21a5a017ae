"""Measure against any iperf3 server, as its client: TCP and UDP, up, down, or both at once."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from benchkit.clock import NS_PER_S
from benchkit.errors import AskedWronglyError, MeasureError, TakenError
from benchkit.linux import tcp
from benchkit.linux.address import family_of
from benchkit.model.bulk_spec import Iperf3Spec, Iperf3TrialSpec
from benchkit.model.samples import GOODPUT_COLUMNS, Samples, tabulated
from benchkit.probes.iperf3_far_end import CONNECT_S, Iperf3FarEnd
from benchkit.probes.iperf3_flow import Flow, prepare
from benchkit.probes.iperf3_meter import FlowMeter
from benchkit.probes.iperf3_results import Results, results_of
from benchkit.probes.iperf3_session import end_senders, stream_number, totals, watch
from benchkit.probes.iperf3_terms import TCP_BLOCK, UDP_BLOCK, Iperf3Terms
from benchkit.probes.iperf3_wire import (
    RESULTS_LIMIT,
    TALK_S,
    UDP_GREETING_OCTETS,
    UDP_HELLO,
    Control,
    State,
    new_cookie,
)
from benchkit.probes.outbox import Item, tested
from benchkit.probes.stream_flow import too_small_a_window
from benchkit.probes.talk import TalkError
from benchkit.units import show_count

SILENCE_NS = 10 * NS_PER_S
RESULTS_S = 10.0
HELLO_S, HELLOS = 0.5, 10
# A paced TCP sender gives the kernel this much of a second at a time.
PACED_SHARE = 100
LEAST_PACED_BLOCK = 1 << 10


async def iperf3(spec: Iperf3Spec) -> AsyncIterator[Samples]:
    """Run one test; yield goodput for each direction, TCP_INFO of what we sent, and both ends' totals ("iperf3").

    Goodput upwards counts what the far end's kernel has acknowledged; by UDP it is one row, from what the
    server says at the end. With both directions at once the phase is "PHASE up" and "PHASE down".
    Raises MeasureError where the server refuses, goes, or falls silent, after all that was measured.
    """
    terms = terms_from(spec)
    async for batch in tested(lambda put: _Test(spec, terms, put)):
        yield batch


async def iperf3_trial(spec: Iperf3TrialSpec) -> AsyncIterator[Samples]:
    """Be greeted, and hang up: no data move, and there are no rows. A server that is busy is there.

    Raises MeasureError where none answers.
    """
    to = Iperf3Spec(spec.path, spec.phase, spec.address, spec.port, 0)
    with suppress(TakenError):
        control = await asyncio.to_thread(Iperf3FarEnd(to).greeted, new_cookie())
        control.close()
    rows: tuple[Samples, ...] = ()
    for batch in rows:
        yield batch


def terms_from(spec: Iperf3Spec) -> Iperf3Terms:
    """Say a spec as iperf3 does. Raises AskedWronglyError for a direction that is none."""
    if spec.direction not in {"up", "down", "both"}:
        raise AskedWronglyError(
            f"an iperf3 test goes up, down or both, not {spec.direction!r}: name one of them"
        )
    return Iperf3Terms(
        seconds=max(1, -(-spec.duration_ns // NS_PER_S)),
        udp=spec.udp,
        streams=spec.streams,
        block=spec.block_octets or _usual_block(spec),
        reverse=spec.direction == "down",
        both=spec.direction == "both",
        omit_s=spec.omit_s,
        segment=spec.segment_octets,
        window=spec.window_octets,
        no_delay=spec.no_delay,
        rate_bps=spec.rate_bps,
        congestion="" if spec.udp else spec.congestion,
    )


def _usual_block(spec: Iperf3Spec) -> int:
    if spec.udp:
        return UDP_BLOCK
    if not spec.rate_bps:
        return TCP_BLOCK
    share = spec.rate_bps // 8 // PACED_SHARE
    return min(TCP_BLOCK, max(LEAST_PACED_BLOCK, share))


class _Test:
    """One test, on a thread."""

    def __init__(self, spec: Iperf3Spec, terms: Iperf3Terms, put: Callable[[Item], None]) -> None:
        self._spec = spec
        self._terms = terms
        self._put = put
        self._server = Iperf3FarEnd(spec)
        self._cookie = new_cookie()
        self._control: Control | None = None
        self._flows: list[Flow] = []
        self._congestion = ""
        self._runs = False
        self._stopped = False

    def run(self) -> None:
        """Measure. Raises MeasureError for what went wrong, after all that was measured."""
        try:
            self._measure()
        except TalkError as error:
            raise MeasureError(
                f"{self._server.where} broke off the test: {error}; {self._remedy()}"
            ) from error
        finally:
            for flow in self._flows:
                flow.end()
            if self._control is not None:
                self._control.close()
            for flow in self._flows:
                flow.close()

    def _remedy(self) -> str:
        """A server hangs up without a word where it cannot give its streams the congestion control that is asked."""
        again, asked = "see that it is still there, and run again", self._terms.congestion
        if self._runs or not asked:
            return again
        return f"it may not have congestion control {asked}: ask for another, or for none; else {again}"

    def stop(self) -> None:
        """Break it off, if it still runs."""
        self._stopped = True
        control = self._control
        if control is not None and control.fileno() >= 0:
            with suppress(TalkError, OSError):
                control.send_state(State.CLIENT_TERMINATE)
            control.close()

    def _measure(self) -> None:
        control = self._control = self._server.agreed(self._cookie, self._terms)
        if self._stopped:
            raise TalkError("it was stopped here")
        for at, sends in enumerate(self._terms.flows):
            connection = self._udp_stream() if self._terms.udp else self._tcp_stream()
            mode = self._spec.mode
            flow = Flow(stream_number(at), connection, self._terms, sends=sends, mode=mode)
            self._flows.append(flow)
        self._server.expect(control, State.TEST_START)
        self._server.expect(control, State.TEST_RUNNING)
        self._runs = True
        meter = FlowMeter(self._flows)
        for flow in self._flows:
            flow.start()
        try:
            said = watch(
                control,
                meter,
                omit_ns=self._terms.omit_s * NS_PER_S,
                lasts_ns=self._spec.duration_ns,
                silence_ns=SILENCE_NS,
            )
            if said is not None:
                raise self._server.refused(control, said)
            end_senders(self._flows)
        finally:
            self._put_counts(meter)
        self._exchange(control, meter)

    def _exchange(self, control: Control, meter: FlowMeter) -> None:
        control.send_state(State.TEST_END)
        self._server.expect(control, State.EXCHANGE_RESULTS, RESULTS_S)
        ours = meter.results(self._congestion)
        control.send_message(ours.encoded())
        theirs = results_of(control.read_message(RESULTS_LIMIT, RESULTS_S))
        pairs = [(flow, flow.sends) for flow in self._flows]
        self._put(totals(self._spec.path, self._spec.phase, pairs, ours, theirs))
        if self._terms.udp and not self._terms.reverse:
            self._put(self._as_told(meter.begun_ns, theirs))
        self._server.expect(control, State.DISPLAY_RESULTS, RESULTS_S)
        control.send_state(State.IPERF_DONE)

    def _put_counts(self, meter: FlowMeter) -> None:
        path, terms = self._spec.path, self._terms
        if (terms.both or not terms.reverse) and not terms.udp:
            self._put(meter.goodput(path, self._phase("up"), sends=True))
            self._put(meter.tcp_info(path, self._phase("up")))
        if terms.both or terms.reverse:
            self._put(meter.goodput(path, self._phase("down"), sends=False))

    def _as_told(self, begun_ns: int, theirs: Results) -> Samples:
        """What the server received of our datagrams: one row, as long as it says."""
        sent = {flow.number for flow in self._flows if flow.sends}
        streams = [stream for stream in theirs.streams if stream.number in sent]
        lasted = max(1, round(max(stream.seconds for stream in streams) * NS_PER_S))
        octets = sum(stream.octets for stream in streams)
        row = (begun_ns, begun_ns + lasted, octets)
        return tabulated(
            "goodput", self._spec.path, self._phase("up"), GOODPUT_COLUMNS, [row], hole=-1
        )

    def _phase(self, direction: str) -> str:
        return f"{self._spec.phase} {direction}" if self._terms.both else self._spec.phase

    def _family(self) -> socket.AddressFamily:
        return family_of(self._spec.address)

    def _tcp_stream(self) -> socket.socket:
        connection = socket.socket(self._family(), socket.SOCK_STREAM)
        try:
            self._congestion = prepare(connection, self._terms)
            self._check_window(connection)
            connection.settimeout(CONNECT_S)
            connection.connect((self._spec.address, self._spec.port))
            connection.sendall(self._cookie)
            connection.settimeout(None)
        except OSError as error:
            connection.close()
            raise self._server.unreachable("TCP", error) from error
        return connection

    def _check_window(self, connection: socket.socket) -> None:
        asked = self._terms.window
        if asked and (given := tcp.window(connection)) < asked:
            connection.close()
            raise too_small_a_window(self._spec.path, asked, given)

    def _udp_stream(self) -> socket.socket:
        connection = socket.socket(self._family(), socket.SOCK_DGRAM)
        try:
            prepare(connection, self._terms)
            connection.connect((self._spec.address, self._spec.port))
            self._greet(connection)
            connection.settimeout(None)
        except OSError as error:
            connection.close()
            raise self._server.unreachable("UDP", error) from error
        return connection

    def _greet(self, connection: socket.socket) -> None:
        """Be welcomed. A repeated greeting could open one stream too many where several are due: then once."""
        repeats = HELLOS if len(self._terms.flows) == 1 else 1
        for _ in range(repeats):
            connection.send(UDP_HELLO)
            connection.settimeout(HELLO_S * HELLOS / repeats)
            with suppress(TimeoutError):
                while len(connection.recv(UDP_GREETING_OCTETS + 1)) != UDP_GREETING_OCTETS:
                    pass  # data of a stream that already sends
                return
        raise TimeoutError(
            None, f"no answer to {show_count(repeats, 'datagram')} within {TALK_S:.0f} s"
        )
