"""Times the jobs of a plan over its modelled paths: measured, through an emulator, beside what was computed."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory

from benchkit.clock import NS_PER_S
from benchkit.emulators.choice import choose
from benchkit.errors import BenchkitError
from benchkit.linux import command, process
from benchkit.model.place import Path
from benchkit.probes.jobs import serve_jobs, time_jobs
from benchkit.testbeds.namespaces import NamespaceTestbed

PORT = 8640
REPEATS = 7
LASTS_S = 120.0
PRELOADED = ("benchkit.probes.jobs", "benchkit.emulators.line")


def job_times(
    paths: Sequence[Path], emulator: str, seed: int
) -> tuple[dict[str, dict[str, float]], str]:
    """The median of each job in seconds, by path and by name, and which emulator was between.

    Without the `openssl` program there is no certificate, and no job over TLS.

    Raises:
        UnfitError: this machine cannot emulate the paths.
        MeasureError: a job failed.
    """
    choice = choose(emulator)
    process.warm_up(PRELOADED)
    with ExitStack() as stack:
        folder = FilePath(stack.enter_context(TemporaryDirectory(prefix="benchkit-")))
        certificate = _certificate(folder)
        emulation = stack.enter_context(choice.emulate(tuple(paths), seed))
        emulation.apply([path.model for path in paths if path.model is not None])
        testbed = stack.enter_context(NamespaceTestbed(emulation.namespaces))
        found = {}
        for path in paths:
            far = emulation.ends[path.name].far
            testbed.sites[path.far].submit(serve_jobs, far, PORT, certificate)
            times = testbed.sites[path.near].submit(
                time_jobs, far, PORT, REPEATS, tls=certificate is not None
            )
            found[path.name] = _medians(times.result(LASTS_S))
    return found, choice.name


def _medians(times: Mapping[str, Sequence[int]]) -> dict[str, float]:
    return {name: statistics.median(each) / NS_PER_S for name, each in times.items()}


def _certificate(folder: FilePath) -> str | None:
    """Key and certificate in one file, made for this one measurement."""
    file = folder / "far.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    words += ["-nodes", "-days", "1", "-subj", "/CN=far"]
    words += ["-keyout", str(file), "-out", f"{file}.crt"]
    try:
        command.run(words)
        file.write_bytes(file.read_bytes() + FilePath(f"{file}.crt").read_bytes())
    except (BenchkitError, OSError):
        return None
    return str(file)
