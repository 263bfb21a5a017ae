"""Loss told apart by direction from a far end's own count: exact, whatever else befalls the packets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit.model.far_end import FarFlags
from benchkit.model.samples import FAR_COPIES, FAR_FLAGS, FAR_SEQUENCE, FAR_TTL, Samples, column
from benchkit.stats.far_end import far_end_remarks
from benchkit.stats.loss_direction import LossByDirection, loss_by_direction

LOST = None


def rows_of(counted: list[int | None], copies: dict[int, int] | None = None) -> Samples:
    """Packets in order, each with the far end's number of its answer; None is lost."""
    lost = np.array([each is LOST for each in counted])
    numbers = [each or 0 for each in counted]
    columns = {
        "received_ns": column(np.ones(len(counted)), lost),
        FAR_SEQUENCE: column(numbers, lost),
        FAR_FLAGS: column(np.zeros(len(counted))),
        FAR_COPIES: column([(copies or {}).get(at, 0) for at in range(len(counted))]),
    }
    return Samples("rtt", "a-b", "idle", columns)


def test_nothing_lost_is_nothing_lost() -> None:
    rows = rows_of([0, 1, 2, 3])
    assert loss_by_direction(rows) is None  # it may be one that copies our numbers
    assert loss_by_direction(rows, stateful=True) == LossByDirection(0, 0)


@pytest.mark.parametrize(
    ("counted", "split"),
    [
        pytest.param([0, LOST, 1, 2], (1, 0), id="there"),
        pytest.param([0, LOST, 2, 3], (0, 1), id="back"),
        pytest.param([0, LOST, LOST, 2], (1, 1), id="one each"),
        pytest.param([LOST, LOST, 0, 1], (2, 0), id="the first two there"),
        pytest.param([LOST, 1, 2, LOST], (0, 1), id="the last either way"),
        pytest.param([0, 2, 1, LOST, 3], (1, 0), id="overtaken on the way there"),
        pytest.param([0, 200, *range(1, 200), LOST, 201], (1, 0), id="held up for 200 packets"),
        pytest.param([LOST, 1, LOST, 3, LOST, LOST, 1, 2, 3], (0, 3), id="started again, unseen"),
        pytest.param([7, 8, LOST, 9], (1, 0), id="it counted others of ours before"),
        # Three answers, started again, and three more; between them nobody counted.
        pytest.param([0, 1, LOST, 3, LOST, LOST, 0, 1, LOST, 2], (1, 1), id="started again"),
    ],
)
def test_where_packets_were_lost(counted: list[int | None], split: tuple[int, int]) -> None:
    assert loss_by_direction(rows_of(counted), stateful=True) == LossByDirection(*split)


def test_a_stateless_far_end_tells_nothing() -> None:
    assert loss_by_direction(rows_of([0, LOST, 2, 3])) is None
    assert loss_by_direction(rows_of([LOST, LOST])) is None
    assert loss_by_direction(rows_of([LOST, LOST]), stateful=True) is None
    bare = Samples("rtt", "a-b", "idle", {"received_ns": column([1])})
    assert loss_by_direction(bare, stateful=True) is None


def test_copies_made_on_the_way_there_are_no_answers_that_were_lost() -> None:
    # Packet 1 arrived twice, and both answers (1 and 2) came; the answer to packet 2 was lost.
    rows = rows_of([0, 1, LOST, 4], {1: 1})
    assert loss_by_direction(rows, stateful=True) == LossByDirection(0, 1)


fates = st.lists(st.sampled_from(["there", "back", "", "", "", "copied"]), min_size=1, max_size=300)


@given(fates)
def test_every_loss_up_to_the_last_answer_is_told_exactly(fate: list[str]) -> None:
    counter, counted, copies = 0, [], {}
    for at, each in enumerate([*fate, ""]):
        if each == "there":
            counted.append(LOST)
            continue
        counted.append(LOST if each == "back" else counter)
        counter += 1
        if each == "copied":
            copies[at] = 1
            counter += 1
    found = loss_by_direction(rows_of(counted, copies), stateful=True)
    assert found == LossByDirection(fate.count("there"), fate.count("back"))


def test_what_a_far_end_told_is_said_with_how_often() -> None:
    columns = {
        FAR_FLAGS: column([FarFlags.NO_SSID, FarFlags.NO_SSID | FarFlags.NO_DWELL, 0], [0, 0, 1]),
        FAR_TTL: column([252, 251, 0], [0, 0, 1]),
    }
    assert far_end_remarks(Samples("rtt", "a-b", "idle", columns)) == (
        "it knows no session identifiers (RFC 8972)",
        "it gives one time for arrival and departure: its dwell is in the figure (1 of 2 answers)",
        "3 to 4 hops on the way there",
    )
    near = {FAR_FLAGS: column([0]), FAR_TTL: column([254])}
    assert far_end_remarks(Samples("rtt", "a-b", "idle", near)) == ("1 hop on the way there",)
    assert far_end_remarks(Samples("rtt", "a-b", "idle", {})) == ()
