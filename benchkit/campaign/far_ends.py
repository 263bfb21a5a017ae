"""Far ends that go away while they are measured: what is sent to them from then on is held against no path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

from benchkit.campaign import stations
from benchkit.campaign.ledger import COUNTED, KINDS
from benchkit.campaign.live import settled
from benchkit.campaign.log import Log
from benchkit.campaign.phases import Phase
from benchkit.model.place import Path
from benchkit.stats.round_trip import that_left
from benchkit.stats.silence import Silence, silence


class FarEnds:
    """Those of one campaign: known to be gone by their cluster, by a probe that was lost there, or by their silence."""

    def __init__(
        self, log: Log, silent: Callable[[], Mapping[str, str]], say: Callable[[str], None]
    ) -> None:
        """`silent` gives the agents where nobody seems to be just now, by station, and why; `say` tells and notes."""
        self._log, self._silent, self._say = log, silent, say
        self._lost: dict[str, str] = {}
        self._told: set[str] = set()

    def lose(self, site: str, why: str) -> None:
        """A site of the cluster is gone, and that has been told."""
        self._lost.setdefault(site, why)

    def account(self, phase: Phase) -> None:
        """See which of a phase that is over were gone before its end."""
        silent = {name.removeprefix(stations.AGENT): why for name, why in self._silent().items()}
        for site, why in {**silent, **self._lost}.items():
            self._lose_site(site, why, phase)
        if phase.name in COUNTED:
            self._hear(phase)

    def _lose_site(self, site: str, why: str, phase: Phase) -> None:
        """What is sent to an agent that is gone counts against no path, whether a probe ran there or not."""
        towards = [(path.name, phase.name) for path in phase.paths if path.far == site]
        self._log.ledger.lose_far_end(towards, why)
        robbed = [path for path, _ in towards if self._has_lost(path, phase.name)]
        if robbed and site not in {*self._lost, *self._told}:
            self._told.add(site)
            self._tell(
                f"{', '.join(robbed)}: the far end went away meanwhile: {why}; see that `benchkit agent` runs there"
            )

    def _hear(self, phase: Phase) -> None:
        """Far ends of real paths that answered, and then to the end did not. A site's are told together."""
        found: dict[str, dict[str, Silence]] = defaultdict(dict)
        for path in phase.paths:
            fell_silent = self._silence(path, phase.name)
            if fell_silent is not None:
                found[path.far][path.name] = fell_silent
        for named in found.values():
            for name, each in named.items():
                self._log.ledger.lose_far_end([(name, phase.name)], each.words())
            words = next(iter(named.values())).words()
            self._tell(
                f"{', '.join(named)}: the far end fell silent: {words}: is it still there, and the way to it?"
            )

    def _silence(self, path: Path, phase: str) -> Silence | None:
        """None also where the path is a modelled one, or its far end is known to be gone."""
        if path.model is not None or (path.name, phase) in self._log.ledger.without_far_end:
            return None
        samples = (self._log.harvest.samples(kind, path.name, phase) for kind in KINDS)
        found = (silence(that_left(rows)) for rows in samples if rows is not None)
        return next((each for each in found if each is not None), None)

    def _has_lost(self, path: str, phase: str) -> bool:
        """Whether round trips or requests of that path were lost in that phase."""
        found = (self._log.harvest.samples(kind, path, phase) for kind in KINDS)
        return any(settled(rows).lost for rows in found if rows is not None)

    def _tell(self, said: str) -> None:
        self._log.unmeasured.append(said)
        self._say(said)
