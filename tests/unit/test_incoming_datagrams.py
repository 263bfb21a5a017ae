"""Which of what arrives at a UDP test's socket belongs to it, one by one and joined by the kernel."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchkit.linux import datagrams
from benchkit.linux.datagrams import HEAD, Incoming, Outgoing

MARK, OTHER = 7, 8
needs_joining = pytest.mark.skipif(not datagrams.has_segmentation(), reason="no GSO for UDP here")


@contextmanager
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
    ):
        receiver.bind(("127.0.0.1", 0))
        sender.connect(receiver.getsockname())
        yield sender, receiver


def marked(mark: int, number: int, octets: int) -> bytes:
    return HEAD.pack(mark, number, 0).ljust(octets, b"\0")


@pytest.mark.parametrize("joined", [False, pytest.param(True, marks=needs_joining)])
@pytest.mark.parametrize("payload", [24, 65, 1400])
def test_longer_shorter_and_foreign_datagrams_are_left_out(payload: int, joined: bool) -> None:
    with pair() as (sender, receiver):
        incoming = Incoming(receiver, payload, MARK, joined=joined)
        sender.send(marked(MARK, 0, payload))
        sender.send(marked(MARK, 1, payload + 1))
        sender.send(marked(MARK, 1, payload * 2))
        sender.send(marked(OTHER, 1, payload))
        sender.send(b"")
        sender.send(marked(MARK, 1, payload))
        batch = incoming.receive()
    assert batch.numbers.tolist() == [0, 1]
    assert batch.octets == 2 * payload


@needs_joining
@pytest.mark.parametrize("payload", [24, 64, 1401])
def test_heaps_come_apart_into_all_that_were_sent(payload: int) -> None:
    with pair() as (sender, receiver):
        incoming = Incoming(receiver, payload, MARK, joined=True)
        outgoing = Outgoing(sender, payload, MARK, 80, segmented=True)
        sent = outgoing.send() + outgoing.send()
        first = incoming.receive()
        outgoing.send()
        after = incoming.receive()
    assert first.numbers.tolist() == list(range(sent)), "not what a later receive wrote over it"
    assert after.numbers[0] == sent
    assert (first.received_ns >= first.sent_ns).all()
