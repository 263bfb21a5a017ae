"""What must hold of every parser for any octets at all: shared by hypothesis and the fuzzer."""

from __future__ import annotations

import atexit
import socket
from collections.abc import Callable, Iterator
from tempfile import NamedTemporaryFile

from benchkit.linux import icmp
from benchkit.linux.timestamping import Received
from benchkit.model.responder_spec import ReflectorSpec
from benchkit.model.stamp_options import EXTENSIONS, StampOptions
from benchkit.probes import icmp as echoes
from benchkit.probes import twamp_control as control
from benchkit.probes.stamp_packet import Base
from benchkit.probes.stamp_reflector import Reflector
from benchkit.probes.stamp_sending import Packets
from benchkit.probes.stamp_time import WireTime
from benchkit.probes.stamp_tlv import pack_tlvs, read_tlvs

LOCAL = "127.0.0.1"
SOURCE = ("192.0.2.1", 50_000)
NOW = 1_800_000_000_000_000_000
KEY = b"\xab" * 16
COUNT = 8
STAMP_OCTETS, TWAMP_OCTETS = 44, 41


class _Deaf(socket.socket):
    """A socket whose answers go nowhere, and are remembered."""

    def __init__(self) -> None:
        super().__init__(socket.AF_INET, socket.SOCK_DGRAM)
        self.setblocking(False)
        self.bind((LOCAL, 0))
        self.answers: list[bytes] = []
        atexit.register(self.close)

    def sendto(self, data: bytes, *_: object) -> int:  # type: ignore[override]
        self.answers.append(data)
        return len(data)

    def sendmsg(self, buffers: tuple[bytes], *_: object) -> int:  # type: ignore[override]
        self.answers.append(b"".join(buffers))
        return len(self.answers[-1])


def _reflectors(key_file: str) -> Iterator[tuple[ReflectorSpec, _Deaf, Reflector]]:
    for spec in (
        ReflectorSpec(LOCAL, 0),
        ReflectorSpec(LOCAL, 0, stateful=False, ptp=True),
        ReflectorSpec(LOCAL, 0, strict=True),
        ReflectorSpec(LOCAL, 0, key_file=key_file),
    ):
        udp = _Deaf()
        yield spec, udp, Reflector(udp, spec)


def _senders(key_file: str) -> Iterator[Packets]:
    for options in (
        StampOptions(),
        StampOptions(extensions=tuple(EXTENSIONS), octets=400),
        StampOptions(extensions=tuple(EXTENSIONS), key_file=key_file, ptp=True),
    ):
        with _Deaf() as udp:
            sender = Packets(7, COUNT, options, udp)
        for index in range(COUNT - 1):
            sender.pack(index)
        yield sender


with NamedTemporaryFile("w", suffix=".key") as key:
    key.write(KEY.hex())
    key.flush()
    _REFLECTORS = tuple(_reflectors(key.name))
    _SENDERS = tuple(_senders(key.name))
_TWAMP_SOCKET = _Deaf()
_TWAMP_REFLECTOR = Reflector(_TWAMP_SOCKET, ReflectorSpec(LOCAL, 0), twamp=True)
_ECHOES = (echoes._Echoes(LOCAL), echoes._Echoes("::1"))


def received(payload: bytes, ttl: int = 64) -> Received:
    """A datagram as the kernel gives it."""
    return Received(payload, SOURCE, NOW, ttl, 0xB9)


def reflector(payload: bytes) -> None:
    """No request is answered with more octets than it had; below STAMP's own, with no more than those."""
    for spec, udp, far_end in _REFLECTORS:
        udp.answers.clear()
        far_end._answer(received(payload))
        assert len(udp.answers) <= 1
        floor = 0 if spec.strict or spec.key_file else STAMP_OCTETS
        assert all(len(answer) <= max(floor, len(payload)) for answer in udp.answers)
    answers = _TWAMP_SOCKET.answers
    answers.clear()
    _TWAMP_REFLECTOR._answer(received(payload))
    assert all(len(answer) <= max(TWAMP_OCTETS, len(payload)) for answer in answers)


def sealed_reflector(tail: bytes) -> None:
    """The same behind a seal that is right, where a fuzzer would never come."""
    base = Base(KEY)
    sequence = int.from_bytes(tail[:4], "big")
    reflector(base.request(sequence, 7, WireTime(0xE8FE6F80, sequence, 0x4001)) + tail[4:])


def sender(payload: bytes) -> None:
    """No answer breaks a sender, and what it takes for one is one of its own packets' and has every column."""
    for each in _SENDERS:
        answer = each.read(received(payload))
        if answer is not None:
            assert 0 <= answer.number < COUNT - 1
            assert len(answer.far) == len(each.far_columns)
            assert all(-(1 << 63) <= value < 1 << 63 for value in answer.far)
    for each_echo in _ECHOES:
        reply = each_echo.read(
            received(payload)
        )  # a fuzzer that sees comparisons finds even the token
        assert reply is None or 0 <= reply.number < 1 << 32


def likely_sender(payload: bytes) -> None:
    """The same with a number and an SSID that are ours."""
    padded = payload.ljust(STAMP_OCTETS, b"\0")
    head = padded[:14] + b"\0\7" + padded[16:24] + bytes(3) + bytes((padded[27] % COUNT,))
    sender(head + padded[28:])


def tlvs(payload: bytes) -> None:
    """Reading loses nothing."""
    found = read_tlvs(payload)
    assert pack_tlvs(found.tlvs) + found.rest == payload


def echo(payload: bytes) -> None:
    """Whatever ICMP brings is no error."""
    for read in (icmp.read_echo, icmp.read_echo_6):
        body = read(payload)
        assert body is None or len(body) <= len(payload)


def twamp(payload: bytes) -> None:
    """Every control message that is long enough is read, whatever it says."""
    for octets, read in _CONTROL:
        read(payload[:octets].ljust(octets, b"\0"))


_CONTROL: tuple[tuple[int, Callable[[bytes], object]], ...] = (
    (control.GREETING_OCTETS, control.read_greeting),
    (control.SET_UP_OCTETS, control.read_set_up_response),
    (control.START_OCTETS, control.read_server_start),
    (control.REQUEST_OCTETS, control.read_session_request),
    (control.ACCEPT_OCTETS, control.read_accept_session),
    (control.SHORT_OCTETS, control.read_start_acknowledgement),
    (control.SHORT_OCTETS, control.read_stop_sessions),
)
CHECKS: tuple[Callable[[bytes], None], ...] = (
    reflector,
    sealed_reflector,
    sender,
    likely_sender,
    tlvs,
    echo,
    twamp,
)
