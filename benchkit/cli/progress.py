"""Progress on stderr: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchkit.campaign.events import Event, Observer, PathMoved, PhaseBegan, Said


@contextmanager
def progress() -> Iterator[Observer]:
    """An observer of a campaign that shows a person how far it is."""
    console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
    if console.is_terminal:
        with _live(console) as observe:
            yield observe
    else:
        yield lambda event: _plain(console, event)


def _plain(console: Console, event: Event) -> None:
    text = _words(event)
    if text:
        console.print(text, markup=False)


@contextmanager
def _live(console: Console) -> Iterator[Observer]:
    # Refreshed four times a second: each time costs a few milliseconds of a core that probes may want.
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        console=console,
        refresh_per_second=4,
        transient=True,
    )
    with bars:
        current = None

        def observe(event: Event) -> None:
            nonlocal current
            if isinstance(event, PhaseBegan):
                if current is not None:
                    bars.remove_task(current)
                words = f"{event.index + 1}/{event.total} {event.words}"
                current = bars.add_task(words, total=event.seconds)
            elif text := _words(event):
                bars.console.print(text, markup=False)

        yield observe


def _words(event: Event) -> str:
    if isinstance(event, Said):
        return event.text
    if isinstance(event, PhaseBegan):
        return f"{event.index + 1}/{event.total} {event.words}, {event.seconds:.0f} s"
    if isinstance(event, PathMoved):
        median = "no answer" if event.median_ms is None else f"median {event.median_ms:.2f} ms"
        return f"    {event.path} {event.phase}: {event.settled} due, {event.lost} lost, {median}"
    return ""
