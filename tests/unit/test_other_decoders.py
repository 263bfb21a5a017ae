"""What our packets say to others: scapy's STAMP layers, and Wireshark's dissector of TWAMP where it is installed."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest
from scapy.contrib import stamp as theirs
from scapy.layers.inet import IP, TCP, UDP

from benchkit.probes import twamp_control as control
from benchkit.probes.stamp_packet import Base
from benchkit.probes.stamp_reflecting import Arrival, reflect
from benchkit.probes.stamp_time import from_ntp, wire_time
from benchkit.probes.stamp_tlv import Tlv, Type, pack_tlvs

NOW = 1_700_000_000_500_000_000
ESTIMATE = 0x8F84  # synchronised, NTP, scale 15, multiplier 132
RAW_IP = 101
NEAR, FAR = "192.0.2.1", "192.0.2.2"
BASE = Base()
ASKED = pack_tlvs(
    [
        Tlv(0x80, Type.CLASS_OF_SERVICE, bytes.fromhex("b8000000")),
        Tlv(0x80, 42, b"unknown"),
        Tlv(0x80, Type.EXTRA_PADDING, b"pad"),
    ]
)
REQUEST = BASE.request(5, 0xBEEF, wire_time(NOW, ESTIMATE)) + ASKED


def reply() -> bytes:
    request = BASE.read_request(REQUEST)
    assert request is not None
    arrival = Arrival((NEAR, 5000), (FAR, 862), 0xB8, synchronised=True)
    tail = reflect(ASKED, arrival, b"", (REQUEST[:4], bytes(4)), sealed=False).tail
    t2, t3 = wire_time(NOW + 1_000_000, ESTIMATE), wire_time(NOW + 2_000_000, ESTIMATE)
    return BASE.reply(request, sequence=9, t2=t2, t3=t3, ttl=251) + tail


def same_time(found: object, wanted_ns: int) -> bool:
    """Scapy's time stamps are 64 bits in a fixed-point number."""
    units = round(float(found) * (1 << 32)) if not isinstance(found, int) else found  # type: ignore[arg-type]
    return abs(from_ntp(units >> 32, units & 0xFFFFFFFF, NOW) - wanted_ns) < 1_000_000


def assert_estimate(packet: Any) -> None:
    found = (packet.S, packet.Z, packet.scale, packet.multiplier)
    assert found == (1, 0, 15, 132)


def test_scapy_reads_a_request() -> None:
    packet = theirs.STAMPSessionSenderTestUnauthenticated(REQUEST)
    assert (packet.seq, packet.ssid, packet.mbz) == (5, 0xBEEF, 0)
    assert same_time(packet.ts, NOW)
    assert_estimate(packet.err_estimate)
    found = [(int(tlv.flags), tlv.type, tlv.len, tlv.value) for tlv in packet.tlv_objects]
    assert found == [
        (0x80, 4, 4, bytes.fromhex("b8000000")),
        (0x80, 42, 7, b"unknown"),
        (0x80, 1, 3, b"pad"),
    ]


def test_scapy_reads_a_reply() -> None:
    packet = theirs.STAMPSessionReflectorTestUnauthenticated(reply())
    assert (packet.seq, packet.ssid, packet.seq_sender, packet.ttl_sender) == (9, 0xBEEF, 5, 251)
    assert (packet.mbz1, packet.mbz2) == (0, 0)
    for found, wanted in ((packet.ts_sender, 0), (packet.ts_rx, 1), (packet.ts, 2)):
        assert same_time(found, NOW + wanted * 1_000_000)
    assert_estimate(packet.err_estimate)
    assert_estimate(packet.err_estimate_sender)
    found = [(int(tlv.flags), tlv.type, tlv.value) for tlv in packet.tlv_objects]
    assert found == [(0, 4, bytes.fromhex("bae00000")), (0x80, 42, b"unknown"), (0, 1, b"pad")]


def test_we_read_what_scapy_writes() -> None:
    packet = theirs.STAMPSessionSenderTestUnauthenticated(
        seq=77,
        ssid=42,
        err_estimate=theirs.ErrorEstimate(S=1, scale=3, multiplier=9),
        tlv_objects=[theirs.STAMPTestTLV(flags=0x80, type=1, len=3, value=b"abc")],
    )
    raw = bytes(packet)
    request = BASE.read_request(raw)
    assert request is not None
    assert (request.sequence, request.ssid, request.padded) == (77, 42, False)
    assert request.time[8:].hex() == "8309"
    assert raw[44:] == Tlv(0x80, 1, b"abc").packed()


needs_tshark = pytest.mark.skipif(
    shutil.which("tshark") is None, reason="tshark is not installed: apt-get install tshark"
)


def dissected(folder: Path, packets: list[Any], layer: str, *words: str) -> list[dict[str, Any]]:
    """What tshark makes of the packets: the fields of a layer, by name, in those that have it."""
    capture = folder / "capture.pcap"
    frames = [struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, RAW_IP)]
    for packet in packets:
        octets = bytes(packet)
        frames.append(struct.pack("=IIII", 1_700_000_000, 0, len(octets), len(octets)) + octets)
    capture.write_bytes(b"".join(frames))
    argv = ["tshark", "-n", "-r", str(capture), *words, "-T", "json"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)
    layers = [frame["_source"]["layers"] for frame in json.loads(done.stdout)]
    return [each[layer] for each in layers if layer in each]


@needs_tshark
def test_wireshark_reads_our_test_packets_as_twamps(tmp_path: Path) -> None:
    there = IP(src=NEAR, dst=FAR) / UDP(sport=5000, dport=862) / REQUEST
    back = IP(src=FAR, dst=NEAR) / UDP(sport=862, dport=5000) / reply()
    words = ("-d", "udp.port==862,twamp.test")
    request, answer = dissected(tmp_path, [there, back], "twamp.test", *words)
    for packet, number in ((request, "5"), (answer, "9")):
        assert packet["twamp.test.seq_number"] == number
        estimate = packet["twamp.test.error_estimate_tree"]
        names = ("s", "z", "scale", "multiplier")
        told = [estimate[f"twamp.test.error_estimate.{name}"] for name in names]
        assert told == ["1", "0", "15", "132"]
    assert "22:13:20.500000" in request["twamp.test.timestamp"]
    assert "22:13:20.502000" in answer["twamp.test.timestamp"]
    assert "22:13:20.500999" in answer["twamp.test.receive_timestamp"]
    assert "22:13:20.500000" in answer["twamp.test.sender_timestamp"]
    assert answer["twamp.test.sender_seq_number"] == "5"
    assert answer["twamp.test.sender_ttl"] == "251"


class Talk:
    """A TCP connection, segment by segment."""

    def __init__(self) -> None:
        self.segments: list[Any] = []
        self._next = {NEAR: 1000, FAR: 9000}
        for source, flags in ((NEAR, "S"), (FAR, "SA"), (NEAR, "A")):
            self.say(source, b"", flags)

    def say(self, source: str, message: bytes, flags: str = "PA") -> None:
        other = FAR if source == NEAR else NEAR
        ports = (40_000, 862) if source == NEAR else (862, 40_000)
        number, acknowledged = self._next[source], self._next[other]
        head = TCP(sport=ports[0], dport=ports[1], seq=number, ack=acknowledged, flags=flags)
        self.segments.append(IP(src=source, dst=other) / head / message)
        self._next[source] += len(message) + ("S" in flags)


@needs_tshark
def test_wireshark_follows_our_control_connection(tmp_path: Path) -> None:
    start = (0xEEAF25FC, 0x80000000)
    asked = control.SessionRequest((NEAR, 5000), (FAR, 5001), 30, start, 1.0, 46)
    talk = Talk()
    for source, message in (
        (FAR, control.greeting()),
        (NEAR, control.set_up_response()),
        (FAR, control.server_start(control.ACCEPTED, start)),
        (NEAR, control.session_request(asked)),
        (FAR, control.accept_session(control.ACCEPTED, 18836, b"\x01" * 16)),
        (NEAR, control.start_sessions()),
        (FAR, control.start_acknowledgement()),
        (NEAR, control.stop_sessions(1)),
    ):
        talk.say(source, message)
    found = dissected(tmp_path, talk.segments, "twamp.control")
    assert len(found) == 8
    hello, mode, ready, session, accepted, begun, acknowledged, stopped = found
    assert hello["twamp.control.modes"] == "1"
    assert hello["twamp.control.count"] == "1024"
    assert mode["twamp.control.mode"] == "1"
    assert ready["twamp.control.accept"] == acknowledged["twamp.control.accept"] == "0"
    assert session["twamp.control.command"] == "5"
    assert session["twamp.control.sender_ipv4"] == NEAR
    assert session["twamp.control.receiver_ipv4"] == FAR
    assert session["twamp.control.sender_port"] == "5000"
    assert session["twamp.control.receiver_port"] == "5001"
    assert session["twamp.control.padding_length"] == "30"
    assert session["twamp.control.type-p"].startswith("0x2e")
    assert accepted["twamp.control.receiver_port"] == "18836"
    assert begun["twamp.control.command"] == "2"
    assert stopped["twamp.control.command"] == "3"
    assert stopped["twamp.control.numsessions"] == "1"
