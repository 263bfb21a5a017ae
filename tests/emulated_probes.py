"""Probes along emulated paths, by a crew as in a campaign: what they bring home."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from emulated import Emulated

from benchkit.campaign import phases, wire
from benchkit.campaign.crew import Crew
from benchkit.campaign.harvest import Harvest
from benchkit.linux.channel import Channel
from benchkit.model.bulk_spec import TcpSpec
from benchkit.model.place import Path
from benchkit.model.record import Calibration
from benchkit.model.responder_spec import ReflectorSpec, StreamServerSpec
from benchkit.model.samples import Samples
from benchkit.model.spec import StampSpec
from benchkit.testbeds.namespaces import NamespaceTestbed

PORT = 8620
PROBE_S = 5.0


def brought_home(
    emulated: Emulated,
    indices: Sequence[int],
    server: type[ReflectorSpec | StreamServerSpec],
    spec_of: Callable[[Path, str, int, int], StampSpec | TcpSpec],
    *kinds: str,
) -> tuple[list[Samples], ...]:
    """What probes bring home of each kind, one along each of these paths, all at once.

    `spec_of` is given the path, the server's address and port, and a session identifier.
    """
    harvest, emulation = Harvest(), emulated.emulation
    jobs: dict[str, tuple[str, StampSpec | TcpSpec]] = {}
    with ExitStack() as stack:
        channel = stack.enter_context(Channel())
        testbed = stack.enter_context(NamespaceTestbed(emulation.namespaces))
        crew = Crew(testbed.sites, channel, harvest.add)
        for path in (emulated.paths[at] for at in indices):
            far = emulation.ends[path.name].far
            crew.serve(path.far, server(far, PORT))
            spec = spec_of(path, far, PORT, len(jobs) + 1)
            assert harvest.open_session(path.name, spec.phase) == len(jobs) + 1
            jobs[path.name] = path.near, spec
        crew.await_responders()
        assert crew.work(jobs, PROBE_S) == {}

        def complete() -> bool:
            return all(
                harvest.has(kind, name, spec.phase)
                and not harvest.awaits_departures(name, spec.phase)
                for name, (_, spec) in jobs.items()
                for kind in kinds
            )

        assert crew.wait_for(complete)
    found = [
        [harvest.samples(kind, name, spec.phase) for name, (_, spec) in jobs.items()]
        for kind in kinds
    ]
    return tuple([rows for rows in of_a_kind if rows is not None] for of_a_kind in found)


def probed(
    emulated: Emulated,
    indices: Sequence[int],
    server: type[ReflectorSpec | StreamServerSpec],
    spec_of: Callable[[Path, str, int, int], StampSpec | TcpSpec],
    kind: str,
) -> list[Samples]:
    """The same of one kind alone."""
    (found,) = brought_home(emulated, indices, server, spec_of, kind)
    return found


def wired(emulated: Emulated) -> list[Calibration]:
    """What bursts along every path find of its wire."""
    harvest, emulation = Harvest(), emulated.emulation
    with Channel() as channel, NamespaceTestbed(emulation.namespaces) as testbed:
        crew = Crew(testbed.sites, channel, harvest.add)
        for phase in phases.wire_phases(tuple(emulated.paths)):
            jobs = {
                f"{path.name} {kind}": job
                for path in phase.paths
                for kind, job in wire.jobs(path, phase, emulation.ends[path.name]).items()
            }
            assert crew.work(jobs, PROBE_S) == {}
    return [row for path in emulated.paths for row in wire.calibrations(path, harvest)]
