"""A folder here for runs that live at a URL: measured into, then uploaded; read from, after what is missing was fetched.

    ~/.local/state/benchkit/results/s3-bucket-prefix-1a2b3c4d/
        .remote                         the URL
        20261123T101500Z-guizhou-4f2a/  a run, as in any folder
            .uploaded                   it is there, whole; without: `benchkit upload` puts it there

Everything that reads a folder of runs reads this one; it is made once it has something to hold. Samples are fetched when
somebody wants them.
"""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from benchkit.errors import AskedWronglyError, BenchkitError
from benchkit.store.baselines import FOLDER as BASELINES
from benchkit.store.folder import RECORD_NAME, SAMPLES_NAME
from benchkit.store.mirror_folder import is_mirror, make, url_of
from benchkit.store.remote import Remote
from benchkit.store.run_id import PARTIAL_PREFIX
from benchkit.store.search import list_runs

UPLOADED = ".uploaded"
PATIENCE_S = 20.0


def remote_of(results: Path) -> Remote | None:
    """Where the runs of a folder live, if that is elsewhere. Raises AskedWronglyError for a URL that cannot be used."""
    url = url_of(results)
    return Remote(url) if url else None


def pull(results: Path) -> int:
    """Fetch the records of runs that are new there, and forget those that are gone; returns how many are new.

    Nothing in a folder that is no mirror. Raises as Remote where the URL cannot be read.
    """
    remote = remote_of(results)
    if remote is None:
        return 0
    there = remote.runs()
    here = {run.name: run for run in list_runs(results)}
    for name, run in here.items():
        if name not in there and (run / UPLOADED).exists():
            shutil.rmtree(run, ignore_errors=True)
    new, baselines = sorted(there - here.keys()), remote.baselines()
    if new or baselines:
        make(results)
    for records in remote.records(new):
        for name, data in records.items():
            _keep(results, name, data)
    for name, data in baselines.items():
        (results / BASELINES).mkdir(exist_ok=True)
        fresh = results / BASELINES / f"{name}.new"
        fresh.write_bytes(data)
        fresh.replace(fresh.with_suffix(""))
    return len(new)


def push_baseline(results: Path, name: str) -> None:
    """Put what a name stands for where the runs live, if that is elsewhere. Raises as Remote where that fails."""
    remote = remote_of(results)
    if remote is not None:
        remote.upload_baseline(results / BASELINES / f"{name}.json")


def why_cut_off(results: Path, patience_s: float = PATIENCE_S) -> str | None:
    """Why runs cannot be put where they belong at the moment; None where they can be, or belong here.

    Raises AskedWronglyError where waiting will not mend it: no credentials, no permission, no such bucket, or what speaks
    to such a URL is not installed.
    """
    remote = remote_of(results)
    if remote is None:
        return None
    troubles: list[BenchkitError] = []

    def ask() -> None:
        try:
            remote.try_writing()
        except BenchkitError as error:
            troubles.append(error)

    asking = threading.Thread(target=ask, daemon=True)  # libraries try again for minutes
    asking.start()
    asking.join(patience_s)
    if asking.is_alive():
        return f"{remote.url} has not answered for {patience_s:g} s"
    if troubles and isinstance(troubles[0], AskedWronglyError):
        raise troubles[0]
    return str(troubles[0]) if troubles else None


def push(results: Path, run: Path) -> str | None:
    """Put a run where it belongs; the URL that it then has, or None in a folder that is no mirror.

    Raises as Remote where that fails: the run is here, and is tried again by `push_pending`.
    """
    remote = remote_of(results)
    if remote is None:
        return None
    remote.upload(run)
    (run / UPLOADED).touch()
    return f"{remote.url}/{run.name}"


def pending(results: Path) -> list[Path]:
    """The runs of a mirror that are here alone, oldest first."""
    if not is_mirror(results):
        return []
    runs = list_runs(results)
    return [run for run in runs if (run / RECORD_NAME).exists() and not (run / UPLOADED).exists()]


def fetch_samples(run_dir: Path, kind: str) -> bool:
    """Get the samples of one kind from where the run lives; False where there are none. Raises as Remote."""
    remote = remote_of(run_dir.parent) if (run_dir / UPLOADED).exists() else None
    name = f"{kind}.parquet"
    return remote is not None and remote.fetch(run_dir.name, name, run_dir / SAMPLES_NAME / name)


def fetch_everything(results: Path) -> None:
    """Get all samples of all runs, for a query over all of them. Raises as Remote where one cannot be had."""
    remote = remote_of(results)
    if remote is None:
        return
    for run in list_runs(results):
        if (run / UPLOADED).exists():
            for name in remote.sample_names(run.name):
                file = run / SAMPLES_NAME / name
                if not file.exists():
                    remote.fetch(run.name, name, file)


def drop_samples(run: Path) -> None:
    """Remove the samples of a run where it lives, after those here have gone. Raises as Remote where that fails."""
    remote = remote_of(run.parent) if (run / UPLOADED).exists() else None
    if remote is not None:
        remote.drop_samples(run.name)


def _keep(results: Path, name: str, data: bytes) -> None:
    partial = results / f"{PARTIAL_PREFIX}{name}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    (partial / RECORD_NAME).write_bytes(data)
    (partial / UPLOADED).touch()
    partial.rename(results / name)
