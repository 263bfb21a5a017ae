"""Progress on stderr: figures as they come on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from benchkit.campaign.events import Event, Observer, PathMoved, PhaseBegan, RateMoved, Said
from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import printable
from benchkit.reports.figures import clean, decimals_for, short
from benchkit.units import by_number

# Each time costs a few milliseconds of a core that probes may want.
REDRAWN_NS = NS_PER_S // 4
SHOWN = ("p50", "p95", "p99")
LOST = "lost"
MOST_ROWS = 12
BAR_WIDTH = 24


@contextmanager
def progress() -> Iterator[Observer]:
    """An observer of a campaign that shows a person how far it is. NO_COLOR is heeded."""
    console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
    if console.is_terminal and os.environ.get("TERM") != "dumb":
        board = Board()
        with Live(board, console=console, auto_refresh=False, transient=True) as live:
            yield lambda event: _drawn(live, board, event)
    else:
        yield lambda event: _plain(console, event)


class Board:
    """What a terminal shows of a campaign: its phase, how long yet, and a line for each path that is measured."""

    def __init__(self) -> None:
        """Show nothing yet."""
        self._phase: PhaseBegan | None = None
        self._began_ns = 0
        self._rows: dict[tuple[str, str, str], PathMoved] = {}
        self._rates: dict[tuple[str, str], float] = {}
        self._drawn_ns = 0

    def take(self, event: Event) -> bool:
        """Note an event; whether it is time to draw again."""
        now = monotonic_ns()
        if isinstance(event, PhaseBegan):
            self._phase, self._began_ns = event, now
            self._rows.clear()
            self._rates.clear()
        elif isinstance(event, PathMoved) and not event.is_final:
            self._rows[event.path, event.kind, event.phase] = event
        elif isinstance(event, RateMoved):
            self._rates[event.path, event.phase] = event.mbps
        due = isinstance(event, PhaseBegan) or now - self._drawn_ns >= REDRAWN_NS
        if due:
            self._drawn_ns = now
        return due

    def __rich__(self) -> Group:
        """Draw it, at most 80 columns wide."""
        if self._phase is None:
            return Group()
        return Group(self._head(self._phase), *([self._table()] if self._rows else []))

    def _head(self, phase: PhaseBegan) -> Table:
        gone = (monotonic_ns() - self._began_ns) / NS_PER_S
        left = max(0.0, phase.left_s - gone)
        head = Table.grid(padding=(0, 1))
        head.add_row(
            Text(f"{phase.index + 1}/{phase.total} {clean(phase.words)}"),
            ProgressBar(total=phase.seconds, completed=min(gone, phase.seconds), width=BAR_WIDTH),
            Text(f"{left:.0f} s left"),
        )
        return head

    def _table(self) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), header_style="dim")
        table.add_column("", no_wrap=True, max_width=26)
        for name in ("due", "lost", *(f"{name} ms" for name in SHOWN)):
            table.add_column(name, justify="right", no_wrap=True)
        if self._rates:
            table.add_column("Mbit/s", justify="right", no_wrap=True)
        for row in list(self._rows.values())[:MOST_ROWS]:
            rate = self._rates.get((row.path, row.phase))
            table.add_row(*_cells(row), *([] if rate is None else [f"{rate:.0f}"]))
        hidden = len(self._rows) - MOST_ROWS
        if hidden > 0:
            table.add_row(f"and {hidden} more {by_number(hidden, 'path', 'paths')}")
        return table


def _cells(row: PathMoved) -> list[Text]:
    lost = Text(str(row.lost), style="bold red" if row.lost else "")
    figures = [Text(text) for text in _figures(row)]
    name = f"HTTP {row.path}" if row.kind == "http" else row.path
    return [Text(clean(name)), Text(str(row.settled)), lost, *figures]


def _figures(row: PathMoved) -> list[str]:
    places = decimals_for(row.percentiles_ms.values())
    return [
        f"{row.percentiles_ms[name]:.{places}f}" if name in row.percentiles_ms else LOST
        for name in SHOWN
    ]


def _drawn(live: Live, board: Board, event: Event) -> None:
    if text := _words(event):
        live.console.print(text, markup=False)
    if board.take(event):
        live.refresh()


def _plain(console: Console, event: Event) -> None:
    if isinstance(event, PhaseBegan):
        text = f"{event.index + 1}/{event.total} {event.words}, {short(round(event.seconds, 1))} s"
        console.print(text, markup=False)
    elif text := _words(event):
        console.print(text, markup=False)


def _words(event: Event) -> str:
    """A line for what stays on the screen; empty for what only moves."""
    if isinstance(event, Said):
        return printable(event.text)  # it may hold a far end's words
    if isinstance(event, PathMoved) and event.is_final:
        figures = dict(zip(SHOWN, _figures(event), strict=True))
        known = ", ".join(f"{name} {figures[name]}" for name in SHOWN if figures[name] != LOST)
        # The lowest that is lost tells of those above it too; some packets were answered all the same.
        lost = next((f"{name} {LOST}" for name in SHOWN if figures[name] == LOST), "")
        said = ", ".join(filter(None, (f"{known} ms" if known else "", lost)))
        if not known and event.settled == event.lost:
            said = "no answer"
        due = f"{event.settled + event.unmeasured} due, {event.lost} lost"
        if event.unmeasured:
            due += f", {event.unmeasured} unsent or without stamps"
        return f"    {event.path} {event.series}: {due}, {said}"
    return ""
