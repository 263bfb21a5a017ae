"""Batches cross from a probe's loop to its campaign, whatever their size, and a stop crosses back."""

from __future__ import annotations

import asyncio

import uvloop

from benchkit.linux.channel import Channel, Sink, SinkAddress


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
