"""TWAMP's control messages octet by octet, from RFC 5357 and RFC 4656, and as other programs sent them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit.probes import twamp_control as control
from benchkit.probes.twamp_control import SessionRequest

# What `twping` sent to `twampd` on loopback, and what that answered.
THEIR_GREETING = "00" * 12 + "0000000f" + "00" * 32 + "00000800" + "00" * 12
THEIR_SET_UP = "00000001" + "00" * 160
THEIR_REQUEST = (
    "05040000" "00000000" "00000000" "23402340" "7f000001" + "00" * 12 + "7f000001" + "00" * 12
    + "00" * 16 + "0000001b" "eeaf25fc5961e4f5" "000000020010d7be" "00000000" + "00" * 24
)  # fmt: skip
THEIR_ACCEPT = "00004994" "7f000001eeaf25fb5958fb43194e8a44" + "00" * 28  # fmt: skip
SIX = SessionRequest(
    ("2001:db8::1", 5000), ("2001:db8::2", 862), 30, (0xEEAF25FC, 0x80000000), 1.5, 46
)


def test_what_another_client_and_server_said_is_read() -> None:
    assert control.read_greeting(bytes.fromhex(THEIR_GREETING)) == 0xF
    assert control.read_set_up_response(bytes.fromhex(THEIR_SET_UP)) == control.OPEN_MODE
    asked = control.read_session_request(bytes.fromhex(THEIR_REQUEST))
    assert asked is not None
    assert (asked.sender, asked.receiver) == (("127.0.0.1", 9024), ("127.0.0.1", 9024))
    assert (asked.padding, asked.dscp) == (27, 0)
    assert asked.timeout_s == pytest.approx(2.000257)
    # It asked for port 9024 and was given another.
    assert control.read_accept_session(bytes.fromhex(THEIR_ACCEPT)) == (0, 18836)


def test_what_we_say_is_what_they_said() -> None:
    assert control.set_up_response().hex() == THEIR_SET_UP
    asked = control.read_session_request(bytes.fromhex(THEIR_REQUEST))
    assert asked is not None
    assert control.session_request(asked).hex() == THEIR_REQUEST
    session = bytes.fromhex("7f000001eeaf25fb5958fb43194e8a44")
    assert control.accept_session(0, 18836, session).hex() == THEIR_ACCEPT


def test_the_other_messages_on_the_wire() -> None:
    offered = "00" * 12 + "00000001" + "00" * 32 + "00000400" + "00" * 12
    assert control.greeting().hex() == offered
    started = "00" * 15 + "03" + "00" * 16 + "eeaf25fc80000000" + "00" * 8
    assert control.server_start(3, (0xEEAF25FC, 0x80000000)).hex() == started
    assert control.start_sessions().hex() == "02" + "00" * 31
    assert control.start_acknowledgement().hex() == "00" * 32
    assert control.stop_sessions(1).hex() == "03000000" "00000001" + "00" * 24  # fmt: skip


def test_a_session_over_ipv6() -> None:
    message = control.session_request(SIX)
    assert message[:4].hex() == "05060000"
    assert message[12:16].hex() == "1388035e"
    assert message[84:88].hex() == "2e000000"  # Type-P: DSCP 46
    assert control.read_session_request(message) == SIX


def test_addresses_of_zeros_are_those_of_the_control_connection() -> None:
    message = control.session_request(SIX)
    blank = message[:16] + bytes(32) + message[48:]
    asked = control.read_session_request(blank)
    assert asked is not None
    assert (asked.sender, asked.receiver) == (("", 5000), ("", 862))


@given(st.binary(min_size=112, max_size=112))
def test_no_request_breaks_anything(message: bytes) -> None:
    asked = control.read_session_request(message)
    if message[0] != 5 or message[1] & 15 not in {4, 6}:
        assert asked is None
    else:
        assert asked is not None
        assert 0 <= asked.dscp < 64


@given(st.binary(min_size=32, max_size=32))
def test_a_stop_says_how_many_sessions(message: bytes) -> None:
    stopped = control.read_stop_sessions(message)
    assert stopped == (int.from_bytes(message[4:8], "big") if message[0] == 3 else None)
