"""A user's own program at one end of an emulated path."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path as File

from benchkit.campaign.fitness import line_troubles
from benchkit.clock import NS_PER_US
from benchkit.emulators.choice import choose
from benchkit.emulators.line import LineReport, quantile_ns
from benchkit.emulators.link import Emulation
from benchkit.linux import foreground, process
from benchkit.linux.leftovers import HeldFolder
from benchkit.model.place import Path
from benchkit.units import show_count

PRELOADED = ("benchkit.emulators.line",)
PATIENCE_S = 5.0
TAIL = 0.99


@dataclass(frozen=True)
class Errand:
    """What to run: `command` at the near end, or the far one; `serve` beside it at the other."""

    path: Path
    command: Sequence[str]
    serve: Sequence[str] = ()
    at_far_end: bool = False
    emulator: str = "auto"
    seed: int = 1


def run_errand(errand: Errand, say: Callable[[str], None], tolerance_ns: int) -> int:
    """Emulate the path, run the command, and return its exit status.

    Raises UnfitError where the path cannot be emulated.
    """
    choice = choose(errand.emulator)
    say(f"emulator: {choice.name} ({choice.reason})")
    path = errand.path
    here, there = (path.far, path.near) if errand.at_far_end else (path.near, path.far)
    process.warm_up(PRELOADED)
    with ExitStack() as stack:
        emulation = stack.enter_context(choice.emulate((path,), errand.seed))
        if path.model is not None:
            emulation.apply([path.model])
        ends = emulation.ends[path.name]
        say(f"{path.name}: {path.near} is {ends.near}, {path.far} is {ends.far}")
        hosts = stack.enter_context(hosts_of(path, emulation))
        told = {"BENCHKIT_PATH": path.name, "BENCHKIT_NEAR": ends.near, "BENCHKIT_FAR": ends.far}

        def words(site: str, command: Sequence[str]) -> list[str]:
            return foreground.words_inside(emulation.namespaces[site], hosts, command)

        if errand.serve:
            beside = words(there, errand.serve)
            told_there = {**told, "BENCHKIT_SITE": there}
            netns = emulation.namespaces[there]
            stack.enter_context(foreground.in_background(beside, told_there, netns, PATIENCE_S))
        told_here = {**told, "BENCHKIT_SITE": here}
        status = foreground.run_in_foreground(words(here, errand.command), told_here)
        for line in _account(emulation.report(), tolerance_ns):
            say(line)
    return status


@contextmanager
def hosts_of(path: Path, emulation: Emulation) -> Iterator[File]:
    """A hosts file in which both sites have their names, before what this machine's own says."""
    ends = emulation.ends[path.name]
    folder = HeldFolder()
    try:
        file = File(folder.path, "hosts")
        machine = File("/etc/hosts")
        rest = machine.read_text(errors="replace") if machine.exists() else "127.0.0.1 localhost\n"
        file.write_text(f"{ends.near} {path.near}\n{ends.far} {path.far}\n{rest}")
        yield file
    finally:
        folder.close()


def _account(report: LineReport | None, tolerance_ns: int) -> Iterator[str]:
    """What the emulator did meanwhile, and what it did wrong."""
    if report is None:
        return
    said = [show_count(report.packets, "packet")]
    counts = {
        "lost": report.lost,
        "dropped by the full buffer": report.overflowed,
        "doubled": report.duplicated,
        "overtaking": report.reordered,
    }
    said += [f"{count} {words}" for words, count in counts.items() if count]
    late = quantile_ns(report, TAIL)
    if late is not None:
        said.append(f"99 in 100 released within {late / NS_PER_US:.0f} µs of when they were due")
    yield f"emulated: {', '.join(said)}"
    if report.packets:
        yield from (f"warning: {trouble}" for trouble in line_troubles(report, tolerance_ns))
