"""How models are spelt for tc."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit.emulators import netem_words, wiring
from benchkit.emulators.netem_words import Stage
from benchkit.model.impairment import Bursts, Trace
from benchkit.model.place import Direction, PathModel

MS = 1_000_000
NS_PER_S = 1_000_000_000
WIRE = wiring.wire(3, "a-b", "a", "b")
PLAIN = Direction(4 * MS)
FAST = "rate 100000000000bit"

shares = st.floats(0, 1, allow_subnormal=False)
directions = st.builds(
    Direction,
    delay_ns=st.integers(0, NS_PER_S),
    loss=shares,
    bursts=st.none() | st.builds(Bursts, shares, shares, shares, shares),
    reorder=shares,
    duplicate=shares,
)
models = st.builds(
    PathModel,
    forward=directions,
    backward=directions,
    rate_bps=st.none() | st.integers(1000, 10**12),
    buffer_octets=st.none() | st.integers(1500, 10**9),
    mtu=st.integers(576, 9000),
)

SPELT = [
    (
        PathModel(PLAIN, Direction(4_000_500)), None,
        [
            f"far3 root netem limit 50000 delay 4000.000us {FAST}",
            f"near3 root netem limit 50006 delay 4000.500us {FAST}",
        ],
    ),
    (
        PathModel(Direction(0), PLAIN, 1_000_000_000, 1_250_000), 7,
        [
            f"far3 root netem limit 1000 delay 0.000us {FAST} seed 7006",
            f"near3 root netem limit 1000 delay 4000.000us {FAST} seed 7007",
            "core3 root tbf rate 1000000000bit overhead 24 burst 65536 limit 1250000",
            "core3 root tbf rate 1000000000bit overhead 24 burst 65536 limit 1250000",
        ],
    ),
    (
        PathModel(Direction(500, loss=0.001), Direction(0, loss=1.0), 10**10), None,
        [
            f"far3 root netem limit 1000 delay 0.500us {FAST} loss random 0.100000%",
            f"near3 root netem limit 1000 delay 0.000us {FAST} loss random 100.000000%",
            "core3 root tbf rate 10000000000bit overhead 24 burst 65536 limit 1073741824",
            "core3 root tbf rate 10000000000bit overhead 24 burst 65536 limit 1073741824",
        ],
    ),
    (
        PathModel(
            Direction(MS, loss=0.5, bursts=Bursts(0.01, 0.25, 0.9, 0.002)),
            Direction(MS, duplicate=0.02, reorder=0.25),
            8_000_000_000, 3000,
        ), 0,
        [
            (f"far3 root netem limit 1000 delay 1000.000us {FAST} "
             "loss gemodel 1.000000% 25.000000% 90.000000% 0.200000% seed 6"),
            (f"near3 root netem limit 1000 delay 1000.000us {FAST} "
             "duplicate 2.000000% reorder 25.000000% seed 7"),
            # Never less than two packets.
            "core3 root tbf rate 8000000000bit overhead 24 burst 3000 limit 3000",
            "core3 root tbf rate 8000000000bit overhead 24 burst 3000 limit 3000",
        ],
    ),
    (
        PathModel(PLAIN, PLAIN, 10**11, mtu=9000), None,
        [
            f"far3 root netem limit 8333 delay 4000.000us {FAST}",
            f"near3 root netem limit 8333 delay 4000.000us {FAST}",
            "core3 root tbf rate 100000000000bit overhead 24 burst 131072 limit 1073741824",
            "core3 root tbf rate 100000000000bit overhead 24 burst 131072 limit 1073741824",
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("model", "seed", "lines"), SPELT)
def test_every_stage_of_a_path(model: PathModel, seed: int | None, lines: list[str]) -> None:
    found = netem_words.stages(WIRE, model, seed)
    assert [stage.line for stage in found] == [f"qdisc replace dev {line}" for line in lines]
    assert [stage.router for stage in found] == ["/far", "/near", "/near", "/far"][: len(found)]


def test_jitter_is_a_table_named_as_its_device() -> None:
    jittery = PathModel(Direction(4 * MS, MS // 10), PLAIN)
    far, near = netem_words.stages(WIRE, jittery, None)
    assert near.table == ""
    words = far.words
    at = words.index("delay")
    assert words[at + 1] == "4000.000us"
    assert words[at + 3 : at + 5] == ("distribution", "far3")
    entries = [int(entry) for entry in far.table.split()]
    assert len(entries) == 4096
    assert max(map(abs, entries)) <= 32_767
    # What netem makes of it: an entry of 8192 is one jitter.
    jitter_us = float(words[at + 2].removesuffix("us"))
    drawn = sorted(entry / 8192 * jitter_us for entry in entries)
    one_sigma = (drawn[round(0.8413 * 4096)] - drawn[round(0.1587 * 4096)]) / 2
    assert one_sigma == pytest.approx(100, rel=0.01)


@given(models, st.none() | st.integers(0, 2**16))
def test_every_word_is_one_that_tc_takes(model: PathModel, seed: int | None) -> None:
    for stage in netem_words.stages(WIRE, model, seed):
        for word in stage.words:
            assert word == word.strip()
            assert not word.endswith("ns")  # tc 6.1 refuses it
            assert "e-" not in word
            assert "e+" not in word


@given(models, st.integers(0, NS_PER_S))
def test_netems_limit_is_never_what_loses_packets(model: PathModel, peak_ns: int) -> None:
    forward = replace(model.forward, trace=Trace((0, 5), (0, peak_ns)))
    for direction, longest in (
        (model.forward, model.forward.delay_ns),
        (forward, max(peak_ns, forward.delay_ns)),
    ):
        limit = netem_words.packets_in_flight(direction, model)
        rate = model.rate_bps or netem_words.FASTEST_BPS
        assert limit >= netem_words.LEAST_LIMIT
        assert limit + 1 >= 1.5 * rate * longest / NS_PER_S / (8 * model.mtu)


def test_the_limit_has_room_for_the_longest_jitter() -> None:
    still = netem_words.packets_in_flight(Direction(10 * MS), PathModel(PLAIN, PLAIN))
    jittery = netem_words.packets_in_flight(Direction(10 * MS, MS), PathModel(PLAIN, PLAIN))
    assert jittery > 1.3 * still  # more than three standard deviations


def test_no_two_directions_or_paths_share_a_seed() -> None:
    rate = PathModel(PLAIN, PLAIN)

    def seeds(index: int, seed: int) -> list[str]:
        found = netem_words.stages(wiring.wire(index, "", "", ""), rate, seed)
        return [_after(stage, "seed") for stage in found]

    all_of = [one for index in range(50) for seed in (1, 2) for one in seeds(index, seed)]
    assert len(set(all_of)) == len(all_of)


def _after(stage: Stage, word: str) -> str:
    return stage.words[stage.words.index(word) + 1]
