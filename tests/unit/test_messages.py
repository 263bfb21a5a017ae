"""Datagrams in rows: what recvmmsg fills in is read as recvmsg would give it, alike or not."""

from __future__ import annotations

import socket

import pytest

from benchkit.linux import timestamping
from benchkit.linux.address import family_of
from benchkit.linux.messages import Messages
from benchkit.linux.stamped_batches import (
    AT_ONCE,
    Inbox,
    StampQueue,
    name_of,
    packed_control,
    source_of,
)

LOCAL = "127.0.0.1"


@pytest.mark.parametrize("address", [LOCAL, "::1"])
def test_what_arrives_is_what_was_sent_with_its_stamps(address: str) -> None:
    family = family_of(address)
    try:
        near, far = (timestamping.stamped_udp_socket(family) for _ in "12")
        far.bind((address, 0))
        near.bind((address, 0))
    except OSError as error:
        pytest.skip(f"no {address} here: {error}")
    with near, far:
        timestamping.tell_destinations(far)
        near.connect(far.getsockname())
        assert Inbox(far, 32, named=True).take() is None
        outbox = Messages(5, 8)
        outbox.rows[:, 0] = range(5)
        assert outbox.send(near, 1, 5, 8) == 4
        near.send(bytes(33))
        came = Inbox(far, 32, named=True).take()
        assert came is not None
        assert came.lengths.tolist() == [8, 8, 8, 8, 33]
        assert came.rows[:4, 0].tolist() == [1, 2, 3, 4]
        one = came.one(2, family)
        assert one.payload == bytes((3, 0, 0, 0, 0, 0, 0, 0))
        assert one.source == near.getsockname()
        assert one.destination == address
        assert (one.ttl, one.traffic_class) == (255, 0)
        identities, points, stamps = StampQueue(near).take()
    sent = [(number, point) for number in range(5) for point in (1, 0)]
    assert list(zip(identities.tolist(), points.tolist(), strict=True)) == sent
    left = dict(zip(sent, stamps.tolist(), strict=True))
    assert all(left[at, 0] <= came.stamps_ns[at] for at in range(5))


def test_rows_that_are_not_alike_are_read_one_by_one() -> None:
    with timestamping.stamped_udp_socket() as near, timestamping.stamped_udp_socket() as far:
        far.bind((LOCAL, 0))
        near.connect(far.getsockname())
        timestamping.tell_destinations(far)
        near.send(b"whole")
        near.send(b"cut")
        inbox = Inbox(far, 32, named=True)
        came = inbox.take()
        assert came is not None
        # The kernel tells of all by what is asked when they are read: so unlike rows are made by hand.
        whole = inbox.messages.ancillary(1)
        other = packed_control([each for each in whole if each[0] != socket.IPPROTO_IP])
        inbox.messages.control[1, : len(other)] = list(other)
        inbox.messages._headers["control_octets"][1] = len(other)
        assert inbox.messages.places(1) is not None
        assert inbox.messages.places(2) is None
        columns = list(inbox._one_by_one(2))
    stamps, ttls, classes, _, destinations = columns
    assert (stamps > 0).all()
    assert ttls.tolist() == [255, -1]
    assert classes.tolist() == [0, -1]
    assert [bytes(each) for each in destinations] == [socket.inet_aton(LOCAL), bytes(4)]


def test_more_than_a_call_takes_comes_with_the_next() -> None:
    with timestamping.stamped_udp_socket() as near, timestamping.stamped_udp_socket() as far:
        far.bind((LOCAL, 0))
        near.connect(far.getsockname())
        for number in range(AT_ONCE + 3):
            near.send(bytes((number,)))
        inbox = Inbox(far, 8, named=False)
        found = [inbox.take(), inbox.take(), inbox.take()]
    assert [len(each) if each else 0 for each in found] == [AT_ONCE, 3, 0]


def test_addresses_are_written_as_they_are_read() -> None:
    for address, family in ((LOCAL, socket.AF_INET), ("fe80::1%1", socket.AF_INET6)):
        with socket.socket(family, socket.SOCK_DGRAM) as udp:
            source = source_of(name_of(udp, address, 862))
        assert source[:2] == (address.partition("%")[0], 862)
        assert len(source) == (2 if family == socket.AF_INET else 4)
        assert source[2:] in {(), (0, 1)}
