"""An iperf3 server as its client meets it: how it is reached, what it is asked, and what its refusals mean."""

from __future__ import annotations

import socket
import time
from dataclasses import replace

from benchkit.clock import NS_PER_S, realtime_ns
from benchkit.errors import KeyRefusedError, MeasureError, TakenError, told_by_system
from benchkit.model.bulk_spec import Iperf3Spec
from benchkit.probes.iperf3_auth import OAEP, PKCS1, token_of
from benchkit.probes.iperf3_terms import Iperf3Terms
from benchkit.probes.iperf3_wire import TALK_S, Control, State
from benchkit.probes.talk import GoneError, TalkError

CONNECT_S = 5.0
# Between two tests iperf3 closes its listener and opens it again, which takes as long as it waits for a processor.
REOPENING_TRIES, REOPENING_S = 30, 0.05

BUSY = (
    "is busy with another test: try again when that has ended, wait for it with --wait, or start a second one on "
    "another port with `iperf3 -s -p PORT`"
)
OR_NOT_ALLOWED = "or it is `benchkit agent`, and its --allow has not who asks"
NO_CONGESTION, AUTH_REFUSED = 134, 142
# iperf3's own numbers for what a server refuses.
REFUSALS = {
    8: "the window cannot be that large there: ask for less, or raise net.core.rmem_max and wmem_max there",
    27: "the rate is above what the server allows: ask for less",
    114: "it could not read what was asked",
    NO_CONGESTION: "it has no congestion control {congestion}: ask for another, or for none",
    141: "the window cannot be that large there: ask for less, or raise net.core.rmem_max and wmem_max there",
    AUTH_REFUSED: "it wants another user name and password: give the site's iperf3_user and iperf3_key, and "
    "the password in BENCHKIT_IPERF3_PASSWORD",
}


class Iperf3FarEnd:
    """One server."""

    def __init__(self, spec: Iperf3Spec) -> None:
        """Know where it is; nothing is opened yet."""
        self._spec = spec

    @property
    def where(self) -> str:
        """Which one, for an error."""
        spec = self._spec
        return f"{spec.path}: the iperf3 server at {spec.address} port {spec.port}"

    def agreed(self, cookie: bytes, terms: Iperf3Terms) -> Control:
        """A control connection on which the server has taken the terms. Raises MeasureError where it has not.

        A login is padded as iperf3 does since 3.17, and where that is refused as it did before. Raises
        AskedWronglyError and UnfitError as `token_of` for one that cannot be sealed.
        """
        login = self._spec.login
        if login is None:
            return self._asked(cookie, terms)[0]
        tokens = [token_of(login, realtime_ns() // NS_PER_S, padding) for padding in (OAEP, PKCS1)]
        for token in tokens[:-1]:
            control, is_known = self._asked(cookie, replace(terms, token=token), may_refuse=True)
            if is_known:
                return control
        return self._asked_again(cookie, replace(terms, token=tokens[-1]))

    def _asked_again(self, cookie: bytes, terms: Iperf3Terms) -> Control:
        """As `_asked`, of a server that may still be letting go of us whom it has just refused."""
        for left in reversed(range(REOPENING_TRIES)):
            try:
                return self._asked(cookie, terms)[0]
            except TakenError:
                if not left:
                    raise
                time.sleep(REOPENING_S)
        raise AssertionError("the last try returns or raises")

    def _asked(
        self, cookie: bytes, terms: Iperf3Terms, *, may_refuse: bool = False
    ) -> tuple[Control, bool]:
        """The control connection, and whether it let us in; not letting in is an error unless it may."""
        control = self.greeted(cookie)
        try:
            control.send_message(terms.encoded())
            said = control.read_state()
            if said == State.CREATE_STREAMS:
                return control, True
            number, system = control.read_error() if said == State.SERVER_ERROR else (0, 0)
        except TalkError:
            control.close()
            raise
        control.close()
        if may_refuse and number == AUTH_REFUSED:
            return control, False
        raise self.refusal(said, number, system)

    def greeted(self, cookie: bytes) -> Control:
        """A control connection to a server that is free. Raises MeasureError, which is TakenError where it serves another."""
        control = Control(self._connected())
        try:
            control.send(cookie)
            said = control.read_state()
        except GoneError as error:
            control.close()
            raise TakenError(
                f"{self.where} hung up at once: it {BUSY}; {OR_NOT_ALLOWED}"
            ) from error
        except TalkError as error:
            control.close()
            raise MeasureError(
                f"{self.where} did not answer: {error}; something else may listen there, or a client that "
                "hangs may hold it up: start it again"
            ) from error
        if said != State.PARAM_EXCHANGE:
            refused = self.refused(control, said)
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
                    raise self.unreachable("TCP", error) from error
                time.sleep(REOPENING_S)
            except ConnectionResetError as error:
                raise TakenError(
                    f"{self.where} hung up at once: it {BUSY}; {OR_NOT_ALLOWED}"
                ) from error
            except OSError as error:
                raise self.unreachable("TCP", error) from error
        raise AssertionError("the last try returns or raises")

    def unreachable(self, protocol: str, error: OSError) -> MeasureError:
        """What to say when a port does not answer."""
        spec = self._spec
        why = told_by_system(error)
        return MeasureError(
            f"{spec.path}: {protocol} port {spec.port} of {spec.address} cannot be reached: {why}; run "
            f"`iperf3 -s -p {spec.port}` or `benchkit agent --iperf3` there, and let {protocol} port "
            f"{spec.port} pass"
        )

    def expect(self, control: Control, wanted: State, seconds: float = TALK_S) -> None:
        """Wait for a state. Raises MeasureError for another, TalkError for none."""
        said = control.read_state(seconds)
        if said != wanted:
            raise self.refused(control, said)

    def refused(self, control: Control, said: State) -> MeasureError:
        """What to say when it says another state than was due."""
        return self.refusal(said, *(control.read_error() if said == State.SERVER_ERROR else ()))

    def refusal(self, said: State, number: int = 0, system: int = 0) -> MeasureError:
        """As above, with the numbers that it gave. A login that is refused is a KeyRefusedError."""
        match said:
            case State.ACCESS_DENIED:
                return TakenError(f"{self.where} {BUSY}")
            case State.SERVER_ERROR:
                reason = REFUSALS.get(number, f"its error {number}, system error {system}")
                reason = reason.format(congestion=self._spec.congestion)
                words = f"refused the test: {reason}"
            case State.SERVER_TERMINATE:
                words = "was stopped meanwhile: start it and run again"
            case _:
                words = f"said {said.name} out of turn: is it an iperf3 of 3.1 or newer?"
        kind = KeyRefusedError if number == AUTH_REFUSED else MeasureError
        return kind(f"{self.where} {words}")
