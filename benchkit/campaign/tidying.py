"""What killed runs left: found by the doctor, and removed where it may be."""

from __future__ import annotations

import shlex
from pathlib import Path

from benchkit.campaign.finding import Finding
from benchkit.errors import AskedWronglyError, BenchkitError
from benchkit.linux import leftovers
from benchkit.store import leftovers as partials
from benchkit.store import live, salvage, write_run
from benchkit.store.folder import add_samples
from benchkit.store.journal import dead_journals, has_ended, journals
from benchkit.units import show_count

NOTHING = "nothing is left of killed runs"
SHOWN = 3


def remedy(results: Path) -> str:
    """What removes it; the folder is named, or what it is by default would be looked into."""
    return f"benchkit doctor --clean --results {shlex.quote(str(results))}"


def found(results: Path) -> Finding:
    """What is there, in one finding; nothing is changed."""
    unseen = []
    try:
        unfinished = [salvage.examine(folder) for folder in partials(results)]
    except AskedWronglyError as error:
        unfinished, unseen = [], [str(error)]
    at_work = [each for each in unfinished if each.state == "busy"]
    left = {
        "folder": [str(folder) for folder in leftovers.dead_folders()],
        "process": [f"{orphan.pid}" for orphan in leftovers.orphans()],
        "unfinished run": [str(each.folder) for each in unfinished if each not in at_work],
        "killed run": [str(file) for file in dead_journals(results)],
        "live log": [str(file) for file in live.dead_logs(results)],
    }
    words = [_counted(kind, names) for kind, names in left.items() if names]
    notes = unseen + [f"left alone: {each.folder}, {each.why}" for each in at_work]
    notes += [said for said, _ in _young(results)]
    if unseen and not words:
        return Finding("leftovers", "warning", unseen[0], "see results, above")
    if not words:
        return Finding("leftovers", "ok", "; ".join([NOTHING, *notes]))
    return Finding("leftovers", "warning", "; ".join([*words, *notes]), remedy(results))


def clean(results: Path) -> list[Finding]:
    """Remove, kill or complete what may be, and say each.

    Raises:
        AskedWronglyError: `results` is no directory; nothing has been touched then.
    """
    unfinished = partials(results)
    done = [
        *_folders(),
        *_processes(),
        *(_settled(salvage.examine(folder)) for folder in unfinished),
        *(_recovered(file, results) for file in dead_journals(results)),
        *_live_logs(results),
        *(
            Finding(
                "run",
                "warning",
                said,
                f"{remedy(results)} in {left_s} s, if no run is at work there",
            )
            for said, left_s in _young(results)
        ),
    ]
    return done or [Finding("leftovers", "ok", NOTHING)]


def _folders() -> list[Finding]:
    dead = leftovers.dead_folders()
    gone = leftovers.remove_dead_folders()
    stuck = [folder for folder in dead if folder not in gone and folder.exists()]
    return [Finding("folder", "ok", f"removed {folder}") for folder in gone] + [
        Finding("folder", "warning", f"{folder} could not be removed", f"rm -r {folder}")
        for folder in stuck
    ]


def _processes() -> list[Finding]:
    done = []
    for orphan in leftovers.orphans():
        who = f"{orphan.pid} of campaign {orphan.campaign.partition('.')[0]}"
        if leftovers.kill(orphan):
            done.append(Finding("process", "ok", f"killed {who}, which is dead"))
    return done


def _live_logs(results: Path) -> list[Finding]:
    dead = live.dead_logs(results)
    gone = live.remove_dead(results)
    return [Finding("live log", "ok", f"removed {file}") for file in gone] + [
        Finding("live log", "warning", f"{file} could not be removed", f"rm {file}")
        for file in dead
        if file not in gone and file.exists()
    ]


def _young(results: Path) -> list[tuple[str, int]]:
    """What a run may have left that was killed a moment ago: in words, and in how many seconds one can tell."""
    files = [*journals(results), *live.live_logs(results).values()]
    left = {file: left_s for file in files if (left_s := live.young_for_s(file))}
    why = "written a moment ago: a run in user-mode Linux, whose locks are not seen here, may be at work"
    return [(f"left alone: {file}, {why}", left_s) for file, left_s in left.items()]


def _recovered(file: Path, results: Path) -> Finding:
    """A killed run, or one that could not be kept, from what it had been told: kept like one that was interrupted."""
    from benchkit.campaign.kept_harvest import recovered  # noqa: PLC0415  costs numpy

    try:
        of = "a run that could not be kept" if has_ended(file) else "a killed run"
        record, samples = recovered(file)
        if not samples:
            file.unlink()
            return Finding("run", "ok", f"removed {file}: nothing was measured in it")
        folder = results / record.run
        if folder.exists():
            add_samples(folder, samples)
        else:
            write_run(results, record, samples)
        file.unlink()
    except (BenchkitError, OSError) as error:
        return Finding("run", "warning", f"kept {file}: {error}", "free space, and try again")
    rows = sum(len(batch) for batch in samples)
    return Finding("run", "ok", f"made {folder} of {of}: {show_count(rows, 'sample')} had arrived")


def _settled(partial: salvage.Partial) -> Finding:
    said = salvage.settle(partial)
    if partial.state == "busy":
        return Finding("run", "warning", said, "if no run is at work, try again in a minute")
    if said.startswith("kept"):
        return Finding(
            "run", "warning", said, "look into it, and remove it by hand if it is of no use"
        )
    return Finding("run", "ok", said)


def _counted(kind: str, names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    plural = {"process": "processes"}.get(kind, f"{kind}s") if len(names) > 1 else kind
    return f"{len(names)} {plural} of dead campaigns: {shown}{more}"
