"""Batches cross from a probe's loop to its campaign, whatever their size, and a stop crosses back."""

from __future__ import annotations

import asyncio
import pickle

import numpy as np
import uvloop

from benchkit.linux.channel import Channel, Sink, SinkAddress
from benchkit.model.samples import Samples, column


def loop_that_watches(address: SinkAddress, batch: bytes) -> None:
    """Send as a probe does: from a loop that watches the sink for a stop."""

    async def drive() -> None:
        loop = asyncio.get_running_loop()
        with Sink(address) as sink:
            loop.add_reader(sink.fileno(), lambda: None)
            await asyncio.sleep(0)
            sink.send(batch)
            loop.remove_reader(sink.fileno())

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(drive())


def test_a_batch_larger_than_any_buffer_crosses_a_watched_sink() -> None:
    batch = bytes(32 << 20)
    with Channel() as channel:
        loop_that_watches(channel.address("probe"), batch)
        message = channel.messages.get(timeout=10)
    assert (message.token, message.kind, len(message.body)) == ("probe", "batch", len(batch))


def test_a_stop_is_seen_by_a_loop() -> None:
    async def drive(channel: Channel) -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        with Sink(channel.address("probe")) as sink:
            loop.add_reader(sink.fileno(), stopped.set)
            sink.ready()
            assert channel.messages.get(timeout=10).kind == "ready"
            channel.stop("probe")
            await asyncio.wait_for(stopped.wait(), 10)
            loop.remove_reader(sink.fileno())

    with Channel() as channel, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(drive(channel))


def test_samples_cross_a_process_border_with_their_holes_and_without() -> None:
    columns = {
        "a": column([1, 2, 3], [False, True, False]),
        "b": column([4, 5, 6]),
        "c": column([-(2**63), 0, 2**63 - 1], [False] * 3),
    }
    for given in (columns, {name: each[:0] for name, each in columns.items()}, {}):
        sent = Samples("rtt", "a-b", "idle", given)
        came = pickle.loads(pickle.dumps(sent))  # noqa: S301  our own
        assert (came.kind, came.path, came.phase, list(came.columns)) == (
            "rtt",
            "a-b",
            "idle",
            list(given),
        )
        for name, each in given.items():
            assert came.columns[name].dtype == np.int64
            assert came.columns[name].tolist() == each.tolist()
            assert came.columns[name].data.tolist() == each.data.tolist()
            assert (came.columns[name].mask is np.ma.nomask) == (each.mask is np.ma.nomask)
