"""What loss allows each congestion control, and how long transfers then take."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from benchkit.planning import ceilings, window
from benchkit.planning.figure import Cell, Figure, Heading, Section, Table
from benchkit.planning.question import PathQuestion
from benchkit.planning.transfers import (
    CHECKPOINT_EVERY_S,
    DATA_SETS,
    MODEL_OCTETS,
    Prediction,
    ideal_s,
)
from benchkit.units import show_count

LOSSES = tuple(10.0**-exponent for exponent in range(2, 11))

# control: (its window at a loss and a round trip in seconds, key of its source)
WINDOWS: dict[str, tuple[Callable[[float, float], float], str]] = {
    "reno (Mathis)": (lambda loss, _: ceilings.mathis_window(loss), "mathis"),
    "reno (PFTK)": (ceilings.pftk_window, "pftk"),
    "cubic": (ceilings.cubic_window, "rfc9438"),
}
# Of the two for Reno the one that knows timeouts predicts.
PREDICTS = {"reno": "reno (PFTK)", "cubic": "cubic"}


def predict(question: PathQuestion, streams: int | None = None) -> Prediction:
    """The rate of so many streams (without, those of the question): the least of line, window and loss ceiling."""
    count = streams or question.chosen_streams
    bounds = {
        "rate": question.goodput_bps,
        "window": count * window.window_rate_bps(question.limits.window_octets, question.rtt_ns),
    }
    if question.loss and question.congestion in PREDICTS:
        bounds["loss"] = count * ceiling_bps(question, PREDICTS[question.congestion], question.loss)
    limit = min(bounds, key=lambda name: bounds[name])
    return Prediction(bounds[limit], limit, count, question.rtt_s, question.framing.segment_octets)


def ceiling_bps(question: PathQuestion, control: str, loss: float) -> float:
    """What one stream reaches at a loss, in bit/s of data, were the line without end."""
    window_of, _ = WINDOWS[control]
    octets = window_of(loss, question.rtt_s) * question.framing.segment_octets
    return window.window_rate_bps(octets, question.rtt_ns)


def loss_section(question: PathQuestion) -> Section:
    """The loss that one stream, and all of them, may meet; the ceilings by loss."""
    return Section(
        "loss",
        "Loss",
        (
            *_allowed(question, 1),
            *(_allowed(question, question.chosen_streams) if question.chosen_streams > 1 else ()),
        ),
        _ceilings(question),
        ("BBR is not bound by loss to first order [bbr]",),
    )


def _allowed(question: PathQuestion, streams: int) -> list[Figure]:
    each = question.window_segments / streams
    who = "one stream" if streams == 1 else f"{streams} streams"
    allowed = (
        ("reno_mathis", "Reno (Mathis)", ceilings.mathis_loss(each), "mathis"),
        ("reno_pftk", "Reno (PFTK)", ceilings.pftk_loss(each, question.rtt_s), "pftk"),
        ("cubic", "CUBIC", ceilings.cubic_loss(each, question.rtt_s), "rfc9438"),
    )
    return [
        Figure(
            f"{key}_{streams}",
            f"{name}: {who} fill{'s' * (streams == 1)} the path up to",
            loss,
            "share",
            source,
        )
        for key, name, loss, source in allowed
    ]


def _ceilings(question: PathQuestion) -> Table:
    columns = (
        Heading("loss", "loss", "share"),
        *(Heading(name, f"one {name}", "bit/s") for name in WINDOWS),
        Heading("bbr", "one bbr", "bit/s"),
    )
    losses = sorted({*LOSSES, question.loss} - {0.0}, reverse=True)
    rows: list[tuple[Cell, ...]] = [
        (
            loss,
            *(min(ceiling_bps(question, name, loss), question.goodput_bps) for name in WINDOWS),
            question.goodput_bps * (1 - loss),
        )
        for loss in losses
    ]
    sources = (*(source for _, source in WINDOWS.values()), "bbr")
    return Table(
        "ceilings", columns, tuple(_until_full(rows)), sources,
        "one stream with buffers that are large enough, and never more than the line",
    )  # fmt: skip


def _until_full(rows: list[tuple[Cell, ...]]) -> list[tuple[Cell, ...]]:
    """Without the rows that only repeat a line already full for all."""
    kept = rows[:1]
    for before, row in pairwise(rows):
        if before[1:4] == row[1:4]:
            break
        kept.append(row)
    return kept


def transfer_section(question: PathQuestion) -> Section:
    """Transfer times, ideal and predicted, and what a checkpoint every ten minutes may weigh."""
    chosen, single = predict(question), predict(question, 1)
    most = question.goodput_bps
    columns = (
        Heading("data", "data"),
        Heading("ideal", "ideal", "s"),
        Heading("predicted", "predicted", "s"),
        Heading("single", "one stream", "s"),
        Heading("ratio", "ratio", "times"),
    )
    rows = tuple(
        (
            name,
            ideal_s(octets, most),
            chosen.seconds(octets),
            single.seconds(octets),
            chosen.seconds(octets) / ideal_s(octets, most),
        )
        for name, octets in DATA_SETS
    )
    note = "ideal: all of the line's data rate; ratio: predicted over ideal (RFC 6349's transfer time ratio, predicted)"
    return Section(
        "transfers", "Transfer times", _transfer_figures(question, chosen, single),
        Table("transfers", columns, rows, ("arithmetic", "prediction"), note),
    )  # fmt: skip


def _transfer_figures(
    question: PathQuestion, chosen: Prediction, single: Prediction
) -> tuple[Figure, ...]:
    return (
        Figure(
            "predicted", f"predicted, {question.congestion}, {show_count(chosen.streams, 'stream')}", chosen.rate_bps, "bit/s",
            "prediction", f"limited by {chosen.limited_by}",
        ),
        Figure(
            "predicted_single", f"predicted, {question.congestion}, one stream", single.rate_bps, "bit/s",
            "prediction", f"limited by {single.limited_by}",
        ),
        Figure(
            "checkpoint_share", "a 140 GB checkpoint every 10 min takes",
            chosen.seconds(MODEL_OCTETS) / CHECKPOINT_EVERY_S, "share", "prediction", "of the time",
        ),
        Figure(
            "checkpoint_most", "largest checkpoint every 10 min",
            chosen.rate_bps * CHECKPOINT_EVERY_S / 8, "octets", "prediction",
        ),
    )  # fmt: skip
