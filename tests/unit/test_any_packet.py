"""Any octets at all, by hypothesis: nothing crashes, and nothing is answered with more than it had."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packet_checks import CHECKS

from benchkit.probes.stamp_tlv import Tlv, pack_tlvs

HEAD = bytes.fromhex("00000003e8fe6f80800000000001000700") + bytes(27)
extensions = st.lists(
    st.builds(Tlv, st.integers(0, 255), st.integers(0, 12), st.binary(max_size=48)), max_size=6
).map(pack_tlvs)
octets = st.one_of(
    st.binary(max_size=300),
    st.builds(lambda head, tail: head + tail, st.just(HEAD), extensions),
    st.builds(lambda head, tail: head + tail, st.just(HEAD), st.binary(max_size=100)),
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@settings(max_examples=150, deadline=None)
@given(octets)
def test_no_octets_break_anything(check: Callable[[bytes], None], payload: bytes) -> None:
    check(payload)
