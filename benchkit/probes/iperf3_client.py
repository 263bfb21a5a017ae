"""Measure against any iperf3 server, as its client: TCP and UDP, up, down, or both at once."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from benchkit.clock import NS_PER_S
from benchkit.errors import AskedWronglyError, BenchkitError, MeasureError
from benchkit.model.samples import GOODPUT_COLUMNS, Samples
from benchkit.model.spec import Iperf3Spec
from benchkit.probes.iperf3_flow import Flow, prepare
from benchkit.probes.iperf3_meter import Meter, table
from benchkit.probes.iperf3_results import Results, results_of
from benchkit.probes.iperf3_session import end_senders, stream_number, totals, watch
from benchkit.probes.iperf3_terms import TCP_BLOCK, UDP_BLOCK, Terms
from benchkit.probes.iperf3_wire import (
    RESULTS_LIMIT,
    TALK_S,
    UDP_GREETING_OCTETS,
    UDP_HELLO,
    Control,
    GoneError,
    State,
    TalkError,
    new_cookie,
)
from benchkit.probes.outbox import Item, Outbox, start

SILENCE_NS = 10 * NS_PER_S
RESULTS_S = 10.0
CONNECT_S = 5.0
# Between two tests iperf3 closes its listener and opens it again.
REOPENING_TRIES, REOPENING_S = 4, 0.05
HELLO_S, HELLOS = 0.5, 10
# A paced TCP sender gives the kernel this much of a second at a time.
PACED_SHARE = 100
LEAST_PACED_BLOCK = 1 << 10

BUSY = (
    "is busy with another test: try again when that has ended, or start a second one on another "
    "port with `iperf3 -s -p PORT`"
)
# iperf3's own numbers for what a server refuses.
REFUSALS = {
    8: "the window cannot be that large there: ask for less, or raise net.core.rmem_max and wmem_max there",
    27: "the rate is above what the server allows: ask for less",
    114: "it could not read what was asked",
    134: "it has no such congestion control: ask for another",
    141: "the window cannot be that large there: ask for less, or raise net.core.rmem_max and wmem_max there",
    142: "it wants a user name and a password: ask whoever runs it for a server without",
}


async def iperf3(spec: Iperf3Spec) -> AsyncIterator[Samples]:
    """Run one test; yield goodput for each direction, TCP_INFO of what we sent, and both ends' totals ("iperf3").

    Goodput upwards counts what the far end's kernel has acknowledged; by UDP it is one row, from what the
    server says at the end. With both directions at once the phase is "PHASE up" and "PHASE down".
    Raises MeasureError where the server refuses, goes, or falls silent, after all that was measured.
    """
    terms = terms_from(spec)
    outbox = Outbox()
    test = _Test(spec, terms, outbox.put)
    start(test.run)
    try:
        while (item := await outbox.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        test.stop()


def terms_from(spec: Iperf3Spec) -> Terms:
    """Say a spec as iperf3 does. Raises AskedWronglyError for a direction that is none."""
    if spec.direction not in {"up", "down", "both"}:
        raise AskedWronglyError(
            f"an iperf3 test goes up, down or both, not {spec.direction!r}: name one of them"
        )
    return Terms(
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

    def __init__(self, spec: Iperf3Spec, terms: Terms, put: Callable[[Item], None]) -> None:
        self._spec = spec
        self._terms = terms
        self._put = put
        self._cookie = new_cookie()
        self._control: Control | None = None
        self._flows: list[Flow] = []
        self._congestion = ""
        self._stopped = False

    def run(self) -> None:
        """Measure, and put what came of it; at last None or an error."""
        outcome: Item = None
        try:
            self._measure()
        except TalkError as error:
            outcome = MeasureError(
                f"{self._where} broke off the test: {error}; see that it is still there, and run again"
            )
        except (BenchkitError, OSError) as error:
            outcome = error
        except Exception as error:  # noqa: BLE001  whoever waits must hear of it
            outcome = error
        finally:
            for flow in self._flows:
                flow.end()
            if self._control is not None:
                self._control.close()
            for flow in self._flows:
                flow.close()
        self._put(outcome)

    def stop(self) -> None:
        """Break it off, if it still runs."""
        self._stopped = True
        control = self._control
        if control is not None and control.fileno() >= 0:
            with suppress(TalkError, OSError):
                control.send_state(State.CLIENT_TERMINATE)
            control.close()

    @property
    def _where(self) -> str:
        spec = self._spec
        return f"{spec.path}: the iperf3 server at {spec.address} port {spec.port}"

    def _measure(self) -> None:
        control = self._control = self._greeted()
        if self._stopped:
            raise TalkError("it was stopped here")
        control.send_message(self._terms.encoded())
        self._expect(control, State.CREATE_STREAMS)
        for at, sends in enumerate(self._terms.flows):
            connection = self._udp_stream() if self._terms.udp else self._tcp_stream()
            self._flows.append(Flow(stream_number(at), connection, self._terms, sends=sends))
        self._expect(control, State.TEST_START)
        self._expect(control, State.TEST_RUNNING)
        meter = Meter(self._flows)
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
                raise self._refused(control, said)
            end_senders(self._flows)
        finally:
            self._put_counts(meter)
        self._exchange(control, meter)

    def _exchange(self, control: Control, meter: Meter) -> None:
        control.send_state(State.TEST_END)
        self._expect(control, State.EXCHANGE_RESULTS, RESULTS_S)
        ours = meter.results(self._congestion)
        control.send_message(ours.encoded())
        theirs = results_of(control.read_message(RESULTS_LIMIT, RESULTS_S))
        pairs = [(flow, flow.sends) for flow in self._flows]
        self._put(totals(self._spec.path, self._spec.phase, pairs, ours, theirs))
        if self._terms.udp and not self._terms.reverse:
            self._put(self._as_told(meter.begun_ns, theirs))
        self._expect(control, State.DISPLAY_RESULTS, RESULTS_S)
        control.send_state(State.IPERF_DONE)

    def _put_counts(self, meter: Meter) -> None:
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
        return table("goodput", self._spec.path, self._phase("up"), GOODPUT_COLUMNS, [row])

    def _phase(self, direction: str) -> str:
        return f"{self._spec.phase} {direction}" if self._terms.both else self._spec.phase

    def _greeted(self) -> Control:
        control = Control(self._connected())
        try:
            control.send(self._cookie)
            said = control.read_state()
        except GoneError as error:
            control.close()
            raise MeasureError(f"{self._where} hung up at once: it {BUSY}") from error
        except TalkError as error:
            control.close()
            raise MeasureError(
                f"{self._where} did not answer: {error}; something else may listen there, or a client that "
                "hangs may hold it up: start it again"
            ) from error
        if said != State.PARAM_EXCHANGE:
            refused = self._refused(control, said)
            control.close()
            raise refused
        return control

    def _connected(self) -> socket.socket:
        spec = self._spec
        for left in reversed(range(REOPENING_TRIES)):
            try:
                return socket.create_connection((spec.address, spec.port), timeout=CONNECT_S)
            except ConnectionRefusedError as error:
                if not left:
                    raise self._unreachable("TCP", error) from error
                time.sleep(REOPENING_S)
            except ConnectionResetError as error:
                raise MeasureError(f"{self._where} hung up at once: it {BUSY}") from error
            except OSError as error:
                raise self._unreachable("TCP", error) from error
        raise AssertionError("the last try returns or raises")

    def _unreachable(self, protocol: str, error: OSError) -> MeasureError:
        spec = self._spec
        why = error.strerror or str(error)
        return MeasureError(
            f"{spec.path}: {protocol} port {spec.port} of {spec.address} cannot be reached: {why}; run "
            f"`iperf3 -s -p {spec.port}` or `benchkit agent --iperf3` there, and let {protocol} port "
            f"{spec.port} pass"
        )

    def _expect(self, control: Control, wanted: State, seconds: float = TALK_S) -> None:
        said = control.read_state(seconds)
        if said != wanted:
            raise self._refused(control, said)

    def _refused(self, control: Control, said: State) -> MeasureError:
        match said:
            case State.ACCESS_DENIED:
                words = BUSY
            case State.SERVER_ERROR:
                number, system = control.read_error()
                reason = REFUSALS.get(number, f"its error {number}, system error {system}")
                words = f"refused the test: {reason}"
            case State.SERVER_TERMINATE:
                words = "was stopped meanwhile: start it and run again"
            case _:
                words = f"said {said.name} out of turn: is it an iperf3 of 3.1 or newer?"
        return MeasureError(f"{self._where} {words}")

    def _family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if ":" in self._spec.address else socket.AF_INET

    def _tcp_stream(self) -> socket.socket:
        connection = socket.socket(self._family(), socket.SOCK_STREAM)
        try:
            self._congestion = prepare(connection, self._terms)
            connection.settimeout(CONNECT_S)
            connection.connect((self._spec.address, self._spec.port))
            connection.sendall(self._cookie)
            connection.settimeout(None)
        except OSError as error:
            connection.close()
            raise self._unreachable("TCP", error) from error
        return connection

    def _udp_stream(self) -> socket.socket:
        connection = socket.socket(self._family(), socket.SOCK_DGRAM)
        try:
            prepare(connection, self._terms)
            connection.connect((self._spec.address, self._spec.port))
            self._greet(connection)
            connection.settimeout(None)
        except OSError as error:
            connection.close()
            raise self._unreachable("UDP", error) from error
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
        raise TimeoutError(None, f"no answer to {repeats} datagrams within {TALK_S:.0f} s")
