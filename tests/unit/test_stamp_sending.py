"""What a sender makes of answers, those of far ends that misbehave among them, as they were captured."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchkit.errors import AskedWronglyError
from benchkit.linux import timestamping
from benchkit.linux.timestamping import Received
from benchkit.model.far_end import FarFlags
from benchkit.model.samples import FAR_FLAGS, FAR_SEQUENCE, FAR_TTL
from benchkit.model.stamp_options import EXTENSIONS, StampOptions
from benchkit.probes.stamp_packet import Base
from benchkit.probes.stamp_reflecting import Arrival, reflect
from benchkit.probes.stamp_sending import FAR_COLUMNS, Packets
from benchkit.probes.stamp_time import NTP_EPOCH_S, WireTime, wire_time
from benchkit.probes.stamp_tlv import Tlv, Type, pack_tlvs, read_tlvs

SECOND = 1_000_000_000
SSID = 7
KEY = "ab" * 16
BASE = Base()


def ntp(words: str) -> int:
    """NTP's 64 bits in hexadecimal as ns since 1970."""
    seconds, fraction = int(words[:8], 16), int(words[8:], 16)
    return (seconds - NTP_EPOCH_S) * SECOND + round(fraction * SECOND / 2**32)


@pytest.fixture
def udp() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        yield found


def sent(udp: socket.socket, options: StampOptions = StampOptions(), t1: str = "") -> Packets:  # noqa: B008  frozen
    """A session of which packets 0 to 5 have left; number 0 at `t1`."""
    packets = Packets(SSID, 6, options, udp)
    for number in range(6):
        packets.pack(number)
    if t1:
        packets._left[0] = int(t1, 16)
    return packets


def told(packets: Packets, payload: str | bytes, traffic_class: int = 0) -> dict[str, int]:
    octets = payload if isinstance(payload, bytes) else bytes.fromhex(payload)
    near = ntp("eeaf273156920000")
    answer = packets.read(Received(octets, ("192.0.2.1", 862), near, 64, traffic_class))
    assert answer is not None
    return dict(zip(FAR_COLUMNS, answer.far, strict=True))


def test_a_reflector_without_rfc_8972(udp: socket.socket) -> None:
    reply = (
        "00000000" "eeaf26f2971d601a" "0001" "0000" "eeaf26f2971b07c3"
        "00000000" "eeaf26f29719e493" "0001" "0000" "ff" "000000"
    )  # fmt: skip
    found = told(sent(udp, t1="eeaf26f29719e493"), reply)
    assert found["t2_ns"] == ntp("eeaf26f2971b07c3")
    assert found["t3_ns"] == ntp("eeaf26f2971d601a")
    assert found[FAR_TTL] == 255
    assert found[FAR_FLAGS] == FarFlags.NO_SSID


def test_38_octets_of_which_two_stamps_are_one(udp: socket.socket) -> None:
    reply = "00000000eeaf26f3b0f17fff00010000eeaf26f3b0f17fff00000000eeaf26f3b0eaf54e0001"
    found = told(sent(udp, t1="eeaf26f3b0eaf54e"), reply)
    assert found["t2_ns"] == found["t3_ns"] == ntp("eeaf26f3b0f17fff")
    flags = FarFlags.NO_SSID | FarFlags.NO_TTL | FarFlags.NO_DWELL | FarFlags.OTHER_LENGTH
    assert found[FAR_FLAGS] == flags


def test_stamps_that_are_swapped_are_put_right(udp: socket.socket) -> None:
    reply = (
        "00000000" "eeaf27315564527e" "8001" "0000" "eeaf27315565f88f"
        "00000000" "eeaf273156916310" "0001" "0000" "ff" "000000"
    )  # fmt: skip
    found = told(sent(udp, t1="eeaf27315564527e"), reply)
    assert found["t2_ns"] == ntp("eeaf27315565f88f")
    assert found["t3_ns"] == ntp("eeaf273156916310")
    flags = FarFlags.SWAPPED_STAMPS | FarFlags.NO_SSID | FarFlags.SYNCHRONISED
    assert found[FAR_FLAGS] == flags
    # Without the send time to compare with, nobody could tell.
    assert told(sent(udp), reply)[FAR_FLAGS] & FarFlags.FOREIGN_T1


def test_ptp_stamps_from_1900(udp: socket.socket) -> None:
    reply = (
        "00000005" "eeaf278f173ca9ba" "4001" "0000" "eeaf278f173bfe61"
        "00000005" "eeaf278f63c92e72" "8001" "0000" "40" "000000"
    )  # fmt: skip
    found = told(sent(udp), reply)
    seconds = (0xEEAF278F - NTP_EPOCH_S) * SECOND
    assert (found["t2_ns"], found["t3_ns"]) == (seconds + 0x173BFE61, seconds + 0x173CA9BA)
    assert found[FAR_FLAGS] & FarFlags.PTP


def reply_to(packets: Packets, number: int, *, stateful: bool = True, ssid: int = SSID) -> bytes:
    """What a reflector with every extension answers."""
    request = BASE.read_request(packets.pack(number))
    assert request is not None
    arrival = Arrival(
        ("127.0.0.1", packets._extender._here[1]),
        ("127.0.0.1", 862),
        46 << 2,
        synchronised=False,
        received=number + 1 if stateful else None,
        sent=number + 1 if stateful else None,
        follow_up=(number - 1, wire_time(42 * SECOND, 1)) if stateful and number else None,
    )
    tail = packets._extender.tail(number)
    sequences = (number.to_bytes(4, "big"), number.to_bytes(4, "big"))
    extra = reflect(tail, arrival, b"", sequences, sealed=False).tail
    now = wire_time(ntp("eeaf273156920000"), 1)
    request = request._replace(ssid=ssid)
    return BASE.reply(request, sequence=number, t2=now, t3=now._replace(low=0), ttl=200) + extra


EVERYTHING = StampOptions(dscp=46, extensions=tuple(EXTENSIONS), octets=200)


def test_every_extension_is_understood_and_tells_when_answers_left(udp: socket.socket) -> None:
    packets = sent(udp, EVERYTHING)
    assert packets.octets == 200
    found = told(packets, reply_to(packets, 0), 46 << 2)
    assert (found[FAR_FLAGS], found[FAR_SEQUENCE], found[FAR_TTL]) == (0, 0, 200)
    assert packets.departures() is None
    assert told(packets, reply_to(packets, 1), 46 << 2)[FAR_FLAGS] == FarFlags.COUNTS
    rows = packets.departures()
    assert rows is not None
    assert {name: values.tolist() for name, values in rows.columns.items()} == {
        "ssid": [SSID],
        "sequence": [0],
        "t3_ns": [42 * SECOND],
    }


def test_extensions_given_back_untouched_or_as_zeros_were_not_processed(udp: socket.socket) -> None:
    packets = sent(udp, EVERYTHING)
    whole = reply_to(packets, 0)
    untouched = whole[:44] + packets._extender.tail(0)
    for reply in (untouched, whole[:44] + bytes(len(whole) - 44), whole[:44]):
        assert told(packets, reply, 46 << 2)[FAR_FLAGS] & FarFlags.NO_EXTENSIONS
    assert told(packets, reply_to(packets, 0, ssid=0))[FAR_FLAGS] & FarFlags.NO_EXTENSIONS


def changed(reply: bytes, kind: Type, **fields: object) -> bytes:
    """The reply with one of its TLVs changed."""
    found = read_tlvs(reply[44:])
    tlvs = [tlv._replace(**fields) if tlv.type == kind else tlv for tlv in found.tlvs]
    return reply[:44] + pack_tlvs(tlvs)


@pytest.mark.parametrize(
    ("kind", "fields", "flag"),
    [
        (Type.CLASS_OF_SERVICE, {"value": b"\xb8\0\0\0"}, FarFlags.CLASS_CHANGED_THERE),
        (Type.CLASS_OF_SERVICE, {"value": b"\xba\xe1\0\0"}, FarFlags.CLASS_REFUSED),
        (Type.CLASS_OF_SERVICE, {"flags": 0x40}, FarFlags.MALFORMED),
        (Type.CLASS_OF_SERVICE, {"flags": 0x80}, FarFlags.NO_EXTENSIONS),
        (Type.LOCATION, {"value": bytes(44)}, FarFlags.ADDRESS_TRANSLATED),
        (Type.EXTRA_PADDING, {"flags": 0x20}, FarFlags.SPOILT),
    ],
)
def test_what_extensions_tell_of_the_way(
    udp: socket.socket, kind: Type, fields: dict[str, object], flag: FarFlags
) -> None:
    packets = sent(udp, EVERYTHING)
    reply = changed(reply_to(packets, 0), kind, **fields)
    assert told(packets, reply, 46 << 2)[FAR_FLAGS] == flag


def test_a_class_that_was_changed_on_the_way_back(udp: socket.socket) -> None:
    packets = sent(udp, EVERYTHING)
    assert told(packets, reply_to(packets, 0), 0)[FAR_FLAGS] == FarFlags.CLASS_CHANGED_BACK


def test_answers_of_another_key_are_counted_and_are_none(
    udp: socket.socket, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text(KEY)
    packets = sent(udp, StampOptions(key_file=str(tmp_path / "key")))
    other = Base(bytes(16))
    time = WireTime(1, 2, 1)
    request = Base(bytes.fromhex(KEY)).read_request(packets.pack(0))
    assert request is not None
    forged = other.reply(request, sequence=0, t2=time, t3=time, ttl=64)
    assert packets.read(Received(forged, ("192.0.2.1", 862), 1, 64, 0)) is None
    assert packets.forged == 1


def test_answers_to_what_was_not_sent_are_none(udp: socket.socket) -> None:
    packets = Packets(SSID, 6, StampOptions(), udp)
    packets.pack(0)
    for number in (1, 5, 6, 2**32 - 1):
        time = WireTime(1, 2, 1)
        request = BASE.read_request(BASE.request(number, SSID, time))
        assert request is not None
        reply = BASE.reply(request, sequence=0, t2=time, t3=time, ttl=64)
        assert packets.read(Received(reply, ("192.0.2.1", 862), 1, 64, 0)) is None


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("names", [(), ("location",), tuple(EXTENSIONS)])
def test_packets_have_the_size_that_was_asked_for_or_are_told_that_they_cannot(
    udp: socket.socket, tmp_path: Path, sealed: bool, names: tuple[str, ...]
) -> None:
    (tmp_path / "key").write_text(KEY)
    key_file = str(tmp_path / "key") if sealed else ""
    least = StampOptions(key_file, extensions=names).least_octets
    for octets in (0, least, least + 4, 1400):
        options = StampOptions(key_file, octets=octets, extensions=names)
        assert options.fits
        packet = Packets(SSID, 1, options, udp).pack(0)
        assert len(packet) == (octets or least)
        assert all(tlv.flags == 0x80 for tlv in read_tlvs(packet[112 if sealed else 44 :]).tlvs)
    for octets in (1, least - 1, least + 3):
        options = StampOptions(key_file, octets=octets, extensions=names)
        assert not options.fits
        with pytest.raises(AskedWronglyError, match=f"of {octets} octets cannot be"):
            Packets(SSID, 1, options, udp)


def test_padding_is_a_tlv_of_its_own(udp: socket.socket) -> None:
    packet = Packets(SSID, 1, StampOptions(octets=100), udp).pack(0)
    (padding,) = read_tlvs(packet[44:]).tlvs
    assert padding[:2] == (0x80, Type.EXTRA_PADDING)
    assert isinstance(padding, Tlv)
    assert len(set(padding.value)) > 10  # pseudo-random: no link shall compress it


def test_a_stamped_socket_has_the_room_that_privilege_gives(udp: socket.socket) -> None:
    try:
        udp.setsockopt(socket.SOL_SOCKET, timestamping.SO_RCVBUFFORCE, timestamping.ROOM_OCTETS)
    except PermissionError:
        pytest.skip("only an administrator may ask for more than net.core.rmem_max")
    with timestamping.stamped_udp_socket() as stamped:
        assert (
            stamped.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 2 * timestamping.ROOM_OCTETS
        )
